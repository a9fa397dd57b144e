/*
 * vfork for x86-64; see vfork.h. The kernel preserves all registers but rax, rcx
 * and r11.
 *
 *     rdi   the return address, which the child may overwrite on the stack
 *     r8    what green__vfork_begins has returned
 */
#include <asm/unistd_64.h>

    .text

    .globl  vfork
    .type   vfork, @function
    .globl  __vfork
    .type   __vfork, @function
    .p2align 4
vfork:
__vfork:
    .cfi_startproc
    endbr64
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    call    green__vfork_begins
    addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
    movl    %eax, %r8d
    popq    %rdi
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rdi
    movl    $__NR_vfork, %eax
    syscall
    pushq   %rdi
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rip, 0
    testq   %rax, %rax
    jz      .Lchild
    movq    %rax, %rdi
    movl    %r8d, %esi
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    call    green__vfork_ends
    addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
.Lchild:
    ret
    .cfi_endproc
    .size   vfork, . - vfork
    .size   __vfork, . - __vfork

    .section .note.GNU-stack, "", @progbits
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5            /* name size, description size, type 0 */
    .asciz  "GNU"
    .long   0xc0000002          /* GNU_PROPERTY_X86_FEATURE_1_AND */
    .long   4
    .long   1                   /* IBT */
    .long   0

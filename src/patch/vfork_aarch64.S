/*
 * vfork for AArch64; see vfork.h. The kernel preserves all registers but x0.
 *
 *     x30   the return address, which the child may overwrite on the stack
 *     w9    what green__vfork_begins has returned
 */
#include <asm/unistd.h>

#define CLONE_VM_CLONE_VFORK_SIGCHLD 0x4111

    .text

    .globl  vfork
    .type   vfork, %function
    .globl  __vfork
    .type   __vfork, %function
    .p2align 4
vfork:
__vfork:
    .cfi_startproc
    hint    #34                 /* bti c */
    stp     x29, x30, [sp, #-16]!
    .cfi_adjust_cfa_offset 16
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    .cfi_remember_state
    bl      green__vfork_begins
    ldp     x29, x30, [sp], #16
    .cfi_adjust_cfa_offset -16
    .cfi_restore x29
    .cfi_restore x30
    mov     w9, w0
    mov     x0, #CLONE_VM_CLONE_VFORK_SIGCHLD
    mov     x1, sp
    mov     x8, #__NR_clone
    svc     #0
    cbz     x0, .Lchild
    mov     w1, w9
    stp     x29, x30, [sp, #-16]!
    .cfi_restore_state
    bl      green__vfork_ends
    ldp     x29, x30, [sp], #16
    .cfi_adjust_cfa_offset -16
    .cfi_restore x29
    .cfi_restore x30
.Lchild:
    ret
    .cfi_endproc
    .size   vfork, . - vfork
    .size   __vfork, . - __vfork

    .section .note.GNU-stack, "", %progbits
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5            /* name size, description size, type 0 */
    .asciz  "GNU"
    .long   0xc0000000          /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
    .long   4
    .long   1                   /* BTI */
    .long   0

/*
 * The switch for x86-64, System V ABI.
 *
 * What a function call must preserve, and so what is saved:
 *
 *     sp + 56   return address
 *     sp + 48   rbp
 *     sp + 40   rbx
 *     sp + 32   r12
 *     sp + 24   r13
 *     sp + 16   r14
 *     sp +  8   r15
 *     sp +  4   x87 control word
 *     sp +  0   MXCSR
 *
 * Not saved: the other registers, which the caller takes as lost; MXCSR's and
 * the x87's status flags, which the ABI does not preserve. Loading the control
 * words costs more than the rest together, so it is done only when they differ.
 *
 * The resumed side leaves by an indirect jump rather than ret: the return
 * predictor would expect the caller of the side that was suspended. The jump is
 * notrack, since a return address carries no endbr64 mark. Shadow stacks are not
 * switched, so the object is marked for indirect branch tracking alone.
 */
    .text

    .globl  green__context_switch
    .hidden green__context_switch
    .type   green__context_switch, @function
    .p2align 4
green__context_switch:
    .cfi_startproc
    endbr64
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movl    (%rsp), %eax
    movzwl  4(%rsp), %ecx
    movq    %rsp, (%rdi)

    /* Both stacks have the same layout here, so the CFI holds on either side. */
    movq    %rsi, %rsp
    cmpl    %eax, (%rsp)
    jne     .Lload_control_words
    cmpw    %cx, 4(%rsp)
    jne     .Lload_control_words
.Lresume:
    movq    8(%rsp), %r15
    movq    16(%rsp), %r14
    movq    24(%rsp), %r13
    movq    32(%rsp), %r12
    movq    40(%rsp), %rbx
    movq    48(%rsp), %rbp
    movq    56(%rsp), %rcx
    addq    $64, %rsp
    .cfi_remember_state
    .cfi_def_cfa %rsp, 0
    .cfi_register %rip, %rcx
    .cfi_same_value %rbp
    .cfi_same_value %rbx
    .cfi_same_value %r12
    .cfi_same_value %r13
    .cfi_same_value %r14
    .cfi_same_value %r15
    notrack jmp *%rcx
    .cfi_restore_state
.Lload_control_words:
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    jmp     .Lresume
    .cfi_endproc
    .size   green__context_switch, . - green__context_switch

/*
 * Where a new context begins: green__context_make has put its argument in rbx
 * and its entry in r12. There is no caller: a backtrace ends here.
 */
    .globl  green__context_start
    .hidden green__context_start
    .type   green__context_start, @function
    .p2align 4
green__context_start:
    .cfi_startproc
    .cfi_undefined %rip
    endbr64
    xorl    %ebp, %ebp
    movq    %rbx, %rdi
    call    *%r12
    ud2
    .cfi_endproc
    .size   green__context_start, . - green__context_start

/* void *green__context_make(void *top, void (*entry)(void *), void *arg) */
    .globl  green__context_make
    .hidden green__context_make
    .type   green__context_make, @function
    .p2align 4
green__context_make:
    .cfi_startproc
    endbr64
    andq    $-16, %rdi
    leaq    green__context_start(%rip), %rcx
    movq    %rcx, -8(%rdi)
    movq    $0, -16(%rdi)       /* rbp */
    movq    %rdx, -24(%rdi)     /* rbx: arg */
    movq    %rsi, -32(%rdi)     /* r12: entry */
    stmxcsr -64(%rdi)           /* the control words of whoever makes it */
    fnstcw  -60(%rdi)
    leaq    -64(%rdi), %rax
    ret
    .cfi_endproc
    .size   green__context_make, . - green__context_make

    .section .note.GNU-stack, "", @progbits
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5            /* name size, description size, type 0 */
    .asciz  "GNU"
    .long   0xc0000002          /* GNU_PROPERTY_X86_FEATURE_1_AND */
    .long   4
    .long   1                   /* IBT */
    .long   0

/*
 * The context switch for x86-64, System V ABI.
 *
 * Saved is what a function call must preserve:
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
 * Not saved: the other registers, which the caller assumes clobbered, and the
 * status flags of MXCSR and the x87, which the ABI does not preserve.
 *
 * The resumed side leaves by ret. The processor predicts the suspended side's
 * return address. The prediction is right for the resumed side too if both
 * called the switch from the same place, and likewise for the callers further
 * up as long as both came the same way. (With an indirect jump instead, the
 * predictor's stack keeps one return too many and mispredicts every later
 * return: a yield took 27 ns with it, 9 without.) For the same reason a new
 * context is entered without a ret; when its entry returns, it leaves by the
 * ret that was left out at its start.
 *
 * stmxcsr takes nine cycles on a Zen 4, as many as all the rest; the other
 * three control instructions are hidden behind it. Comparing before loading was
 * slower, because it reads back what stmxcsr has just stored.
 *
 * The switch does not handle shadow stacks, so the object is marked for
 * indirect branch tracking alone.
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
    movq    %rsp, (%rdi)

.Lload:
    testb   $1, %sil
    jnz     .Lbegin

    /* Both stacks have the same layout here, so the CFI holds on both sides. */
    movq    %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    .cfi_remember_state
    addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
    xorl    %eax, %eax
    popq    %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq    %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq    %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq    %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq    %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq    %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    ret
    .cfi_restore_state

    /* A new context: there is no caller, so a backtrace ends here. */
.Lbegin:
    leaq    -1(%rsi), %rsp
    .cfi_undefined %rip
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    movq    8(%rsp), %rax
    addq    $32, %rsp
    movq    %rdx, %rdi
    xorl    %ebp, %ebp
    call    *%rax
    movq    %rax, %rsi          /* and its arg is in rdx */
    jmp     .Lload
    .cfi_endproc
    .size   green__context_switch, . - green__context_switch

/*
 * void green__context_inspect(void *context, void (*fn)(void *), void *arg)
 *
 * To an unwinder, fn's return address lies in the suspended switch: the CFI is
 * the one that holds after .Lload, but counts from rbx. fn runs on the caller's
 * stack, so nothing is written to the suspended one.
 */
    .globl  green__context_inspect
    .hidden green__context_inspect
    .type   green__context_inspect, @function
    .p2align 4
green__context_inspect:
    .cfi_startproc
    endbr64
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    .cfi_remember_state
    movq    %rdi, %rbx
    .cfi_def_cfa %rbx, 64
    .cfi_offset %rbp, -16
    .cfi_offset %rbx, -24
    .cfi_offset %r12, -32
    .cfi_offset %r13, -40
    .cfi_offset %r14, -48
    .cfi_offset %r15, -56
    movq    %rdx, %rdi
    call    *%rsi
    .cfi_restore_state
    popq    %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    ret
    .cfi_endproc
    .size   green__context_inspect, . - green__context_inspect

/*
 * void *green__context_make(void *top, entry)
 *
 *     top - 16   unused, for alignment
 *     top - 24   entry
 *     top - 32   the control words of the caller
 *
 * The lowest bit of the result tells it from a suspended context.
 */
    .globl  green__context_make
    .hidden green__context_make
    .type   green__context_make, @function
    .p2align 4
green__context_make:
    .cfi_startproc
    endbr64
    andq    $-16, %rdi
    movq    %rsi, -24(%rdi)
    stmxcsr -32(%rdi)
    fnstcw  -28(%rdi)
    leaq    -31(%rdi), %rax
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

/*
 * The context switch for i386, System V ABI.
 *
 * Saved is what a function call must preserve:
 *
 *     sp + 24   return address
 *     sp + 20   ebp
 *     sp + 16   ebx
 *     sp + 12   esi
 *     sp +  8   edi
 *     sp +  4   x87 control word
 *     sp +  0   MXCSR
 *
 * Not all processors of this architecture have SSE, and with it MXCSR:
 * green__context_make, which comes before the first switch, finds it out.
 *
 * context_x86_64.S explains what is done for the return prediction. There are no
 * landing pads: the kernel does not check indirect branches of 32-bit programs,
 * and the oldest processors refuse the instruction.
 */
    .text

    .type   find_here, @function
    .p2align 4
find_here: /* returns the return address in eax */
    .cfi_startproc
    movl    (%esp), %eax
    ret
    .cfi_endproc
    .size   find_here, . - find_here

    .globl  green__context_switch
    .hidden green__context_switch
    .type   green__context_switch, @function
    .p2align 4
green__context_switch:
    .cfi_startproc
    movl    4(%esp), %edx       /* save */
    movl    8(%esp), %ecx       /* load */
    pushl   %ebp
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %ebp, 0
    movl    16(%esp), %ebp      /* arg */
    pushl   %ebx
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %ebx, 0
    pushl   %esi
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %esi, 0
    pushl   %edi
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %edi, 0
    subl    $8, %esp
    .cfi_adjust_cfa_offset 8
    call    find_here
1:  movzbl  sse - 1b(%eax), %eax
    testb   $1, %al
    jz      2f
    stmxcsr (%esp)
2:  fnstcw  4(%esp)
    movl    %esp, (%edx)

    /* ecx is the context to load, ebp its arg, al whether there is SSE. */
.Lload:
    testb   $1, %cl
    jnz     .Lbegin

    /* Both stacks have the same layout here, so the CFI holds on both sides. */
    movl    %ecx, %esp
    testb   $1, %al
    jz      3f
    ldmxcsr (%esp)
3:  fldcw   4(%esp)
    .cfi_remember_state
    addl    $8, %esp
    .cfi_adjust_cfa_offset -8
    xorl    %eax, %eax
    popl    %edi
    .cfi_adjust_cfa_offset -4
    .cfi_restore %edi
    popl    %esi
    .cfi_adjust_cfa_offset -4
    .cfi_restore %esi
    popl    %ebx
    .cfi_adjust_cfa_offset -4
    .cfi_restore %ebx
    popl    %ebp
    .cfi_adjust_cfa_offset -4
    .cfi_restore %ebp
    ret
    .cfi_restore_state

    /*
     * A new context: there is no caller, so a backtrace ends here. What entry
     * returns, a struct, it stores where its hidden first argument points, which
     * it also pops:
     *
     *     sp + 20   entry's result
     *     sp +  4   arg
     *     sp +  0   the address of the result
     */
.Lbegin:
    leal    -1(%ecx), %esp
    .cfi_undefined %eip
    testb   $1, %al
    jz      4f
    ldmxcsr (%esp)
4:  fldcw   4(%esp)
    movl    8(%esp), %edx       /* entry */
    movl    %eax, %ebx          /* which it preserves */
    movl    %ebp, 4(%esp)
    leal    20(%esp), %eax
    movl    %eax, (%esp)
    xorl    %ebp, %ebp
    call    *%edx
    movl    %ebx, %eax
    movl    16(%esp), %ecx
    movl    20(%esp), %ebp
    jmp     .Lload
    .cfi_endproc
    .size   green__context_switch, . - green__context_switch

/*
 * void green__context_inspect(void *context, void (*fn)(void *), void *arg)
 *
 * To an unwinder, fn's return address lies in the suspended switch: the CFI is
 * the one that holds after .Lload, but counts from ebx. fn runs on the caller's
 * stack, so nothing is written to the suspended one.
 */
    .globl  green__context_inspect
    .hidden green__context_inspect
    .type   green__context_inspect, @function
    .p2align 4
green__context_inspect:
    .cfi_startproc
    pushl   %ebx
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %ebx, 0
    subl    $24, %esp
    .cfi_adjust_cfa_offset 24
    movl    40(%esp), %eax      /* arg */
    movl    %eax, (%esp)
    movl    36(%esp), %eax      /* fn */
    .cfi_remember_state
    movl    32(%esp), %ebx      /* context */
    .cfi_def_cfa %ebx, 28
    .cfi_offset %ebp, -8
    .cfi_offset %ebx, -12
    .cfi_offset %esi, -16
    .cfi_offset %edi, -20
    call    *%eax
    .cfi_restore_state
    addl    $24, %esp
    .cfi_adjust_cfa_offset -24
    popl    %ebx
    .cfi_adjust_cfa_offset -4
    .cfi_restore %ebx
    ret
    .cfi_endproc
    .size   green__context_inspect, . - green__context_inspect

/*
 * void *green__context_make(void *top, entry)
 *
 *     top - 40   entry
 *     top - 48   the control words of the caller
 *
 * The lowest bit of the result tells it from a suspended context.
 */
    .globl  green__context_make
    .hidden green__context_make
    .type   green__context_make, @function
    .p2align 4
green__context_make:
    .cfi_startproc
    pushl   %ebx
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %ebx, 0
    pushl   %esi
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset %esi, 0
    call    find_here
1:  leal    sse - 1b(%eax), %esi
    cmpb    $0, (%esi)
    jne     2f
    movl    $1, %eax
    cpuid
    shrl    $25, %edx           /* its bit for SSE */
    andb    $1, %dl
    orb     $2, %dl
    movb    %dl, (%esi)
2:  movl    12(%esp), %eax
    andl    $-16, %eax
    testb   $1, (%esi)
    jz      3f
    stmxcsr -48(%eax)
3:  fnstcw  -44(%eax)
    movl    16(%esp), %edx
    movl    %edx, -40(%eax)
    subl    $47, %eax
    popl    %esi
    .cfi_adjust_cfa_offset -4
    .cfi_restore %esi
    popl    %ebx
    .cfi_adjust_cfa_offset -4
    .cfi_restore %ebx
    ret
    .cfi_endproc
    .size   green__context_make, . - green__context_make

/* 0 until it is known; then bit 1 is set, and bit 0 if there is SSE. */
    .local  sse
    .comm   sse, 1, 1

    .section .note.GNU-stack, "", @progbits

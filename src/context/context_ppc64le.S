/*
 * The context switch for 64-bit POWER, ELFv2 ABI (ppc64le).
 *
 * Saved is what a function call must preserve. LR and CR go where the ABI wants
 * them, to the caller's frame:
 *
 *     sp + 544  LR (return address)
 *     sp + 536  CR
 *     sp + 528  the caller's frame
 *     sp + 512  FPSCR (the control bits alone are preserved by calls)
 *     sp + 320  v20 .. v31
 *     sp + 176  f14 .. f31
 *     sp +  32  r14 .. r31
 *     sp +   0  back chain: the address of the caller's frame
 *
 * r2, the TOC, is the same on both sides: all calls come from one place. Writing
 * FPSCR is slow, so the switch does it only when the control bits differ.
 */
    .machine power8
    .abiversion 2
    .text

    .globl  green__context_switch
    .hidden green__context_switch
    .type   green__context_switch, @function
    .p2align 4
green__context_switch:
    .cfi_startproc
    mflr    %r0
    std     %r0, 16(%r1)
    mfcr    %r0
    stw     %r0, 8(%r1)
    stdu    %r1, -528(%r1)
    .cfi_def_cfa_offset 528
    .cfi_offset lr, 16
    .cfi_offset 70, 8           /* CR */
    std     %r14, 32(%r1)
    .cfi_rel_offset %r14, 32
    std     %r15, 40(%r1)
    .cfi_rel_offset %r15, 40
    std     %r16, 48(%r1)
    .cfi_rel_offset %r16, 48
    std     %r17, 56(%r1)
    .cfi_rel_offset %r17, 56
    std     %r18, 64(%r1)
    .cfi_rel_offset %r18, 64
    std     %r19, 72(%r1)
    .cfi_rel_offset %r19, 72
    std     %r20, 80(%r1)
    .cfi_rel_offset %r20, 80
    std     %r21, 88(%r1)
    .cfi_rel_offset %r21, 88
    std     %r22, 96(%r1)
    .cfi_rel_offset %r22, 96
    std     %r23, 104(%r1)
    .cfi_rel_offset %r23, 104
    std     %r24, 112(%r1)
    .cfi_rel_offset %r24, 112
    std     %r25, 120(%r1)
    .cfi_rel_offset %r25, 120
    std     %r26, 128(%r1)
    .cfi_rel_offset %r26, 128
    std     %r27, 136(%r1)
    .cfi_rel_offset %r27, 136
    std     %r28, 144(%r1)
    .cfi_rel_offset %r28, 144
    std     %r29, 152(%r1)
    .cfi_rel_offset %r29, 152
    std     %r30, 160(%r1)
    .cfi_rel_offset %r30, 160
    std     %r31, 168(%r1)
    .cfi_rel_offset %r31, 168
    stfd    %f14, 176(%r1)
    stfd    %f15, 184(%r1)
    stfd    %f16, 192(%r1)
    stfd    %f17, 200(%r1)
    stfd    %f18, 208(%r1)
    stfd    %f19, 216(%r1)
    stfd    %f20, 224(%r1)
    stfd    %f21, 232(%r1)
    stfd    %f22, 240(%r1)
    stfd    %f23, 248(%r1)
    stfd    %f24, 256(%r1)
    stfd    %f25, 264(%r1)
    stfd    %f26, 272(%r1)
    stfd    %f27, 280(%r1)
    stfd    %f28, 288(%r1)
    stfd    %f29, 296(%r1)
    stfd    %f30, 304(%r1)
    stfd    %f31, 312(%r1)
    li      %r0, 320
    stvx    %v20, %r1, %r0
    li      %r0, 336
    stvx    %v21, %r1, %r0
    li      %r0, 352
    stvx    %v22, %r1, %r0
    li      %r0, 368
    stvx    %v23, %r1, %r0
    li      %r0, 384
    stvx    %v24, %r1, %r0
    li      %r0, 400
    stvx    %v25, %r1, %r0
    li      %r0, 416
    stvx    %v26, %r1, %r0
    li      %r0, 432
    stvx    %v27, %r1, %r0
    li      %r0, 448
    stvx    %v28, %r1, %r0
    li      %r0, 464
    stvx    %v29, %r1, %r0
    li      %r0, 480
    stvx    %v30, %r1, %r0
    li      %r0, 496
    stvx    %v31, %r1, %r0
    mffs    %f0
    stfd    %f0, 512(%r1)
    mfvsrd  %r6, %vs0
    std     %r1, 0(%r3)

    /* r4 is the context to load, r5 its arg, r6 the FPSCR. */
.Lload:
    andi.   %r0, %r4, 1
    bne     .Lbegin

    /* Both stacks have the same layout here, so the CFI holds on both sides. */
    mr      %r1, %r4
    lfd     %f0, 512(%r1)
    mfvsrd  %r7, %vs0
    xor     %r6, %r6, %r7
    andi.   %r0, %r6, 0xff
    beq     1f
    mtfsf   3, %f0              /* the control bits */
1:  .cfi_remember_state
    li      %r0, 320
    lvx     %v20, %r1, %r0
    li      %r0, 336
    lvx     %v21, %r1, %r0
    li      %r0, 352
    lvx     %v22, %r1, %r0
    li      %r0, 368
    lvx     %v23, %r1, %r0
    li      %r0, 384
    lvx     %v24, %r1, %r0
    li      %r0, 400
    lvx     %v25, %r1, %r0
    li      %r0, 416
    lvx     %v26, %r1, %r0
    li      %r0, 432
    lvx     %v27, %r1, %r0
    li      %r0, 448
    lvx     %v28, %r1, %r0
    li      %r0, 464
    lvx     %v29, %r1, %r0
    li      %r0, 480
    lvx     %v30, %r1, %r0
    li      %r0, 496
    lvx     %v31, %r1, %r0
    lfd     %f14, 176(%r1)
    lfd     %f15, 184(%r1)
    lfd     %f16, 192(%r1)
    lfd     %f17, 200(%r1)
    lfd     %f18, 208(%r1)
    lfd     %f19, 216(%r1)
    lfd     %f20, 224(%r1)
    lfd     %f21, 232(%r1)
    lfd     %f22, 240(%r1)
    lfd     %f23, 248(%r1)
    lfd     %f24, 256(%r1)
    lfd     %f25, 264(%r1)
    lfd     %f26, 272(%r1)
    lfd     %f27, 280(%r1)
    lfd     %f28, 288(%r1)
    lfd     %f29, 296(%r1)
    lfd     %f30, 304(%r1)
    lfd     %f31, 312(%r1)
    ld      %r14, 32(%r1)
    ld      %r15, 40(%r1)
    ld      %r16, 48(%r1)
    ld      %r17, 56(%r1)
    ld      %r18, 64(%r1)
    ld      %r19, 72(%r1)
    ld      %r20, 80(%r1)
    ld      %r21, 88(%r1)
    ld      %r22, 96(%r1)
    ld      %r23, 104(%r1)
    ld      %r24, 112(%r1)
    ld      %r25, 120(%r1)
    ld      %r26, 128(%r1)
    ld      %r27, 136(%r1)
    ld      %r28, 144(%r1)
    ld      %r29, 152(%r1)
    ld      %r30, 160(%r1)
    ld      %r31, 168(%r1)
    addi    %r1, %r1, 528
    .cfi_def_cfa_offset 0
    .cfi_restore %r14
    .cfi_restore %r15
    .cfi_restore %r16
    .cfi_restore %r17
    .cfi_restore %r18
    .cfi_restore %r19
    .cfi_restore %r20
    .cfi_restore %r21
    .cfi_restore %r22
    .cfi_restore %r23
    .cfi_restore %r24
    .cfi_restore %r25
    .cfi_restore %r26
    .cfi_restore %r27
    .cfi_restore %r28
    .cfi_restore %r29
    .cfi_restore %r30
    .cfi_restore %r31
    ld      %r0, 16(%r1)
    mtlr    %r0
    .cfi_restore lr
    lwz     %r0, 8(%r1)
    mtcrf   0x38, %r0           /* CR2 .. CR4 */
    .cfi_restore 70
    li      %r3, 0
    blr
    .cfi_restore_state

    /* A new context: there is no caller, so a backtrace ends here. The callee
     * finds the start of its TOC by r12. */
.Lbegin:
    addi    %r1, %r4, -1
    .cfi_undefined lr
    lfd     %f0, 0(%r1)         /* FPSCR */
    ld      %r12, 8(%r1)        /* entry */
    mtfsf   3, %f0
    li      %r0, 0
    stdu    %r0, 16(%r1)        /* no back chain */
    mr      %r3, %r5
    mtctr   %r12
    bctrl
    mr      %r5, %r4            /* its arg */
    mr      %r4, %r3
    mffs    %f0
    mfvsrd  %r6, %vs0
    b       .Lload
    .cfi_endproc
    .size   green__context_switch, . - green__context_switch

/*
 * void green__context_inspect(void *context, void (*fn)(void *), void *arg)
 *
 * To an unwinder, fn's return address lies in the suspended switch: the CFI is
 * the one that holds after .Lload, but counts from r31. fn runs on the caller's
 * stack, so nothing is written to the suspended one.
 *
 * backtrace(3) of this architecture follows the back chain instead, so that of
 * this frame is the suspended caller's.
 */
    .globl  green__context_inspect
    .hidden green__context_inspect
    .type   green__context_inspect, @function
    .p2align 4
green__context_inspect:
    .cfi_startproc
    mflr    %r0
    std     %r0, 16(%r1)
    stdu    %r1, -64(%r1)
    .cfi_def_cfa_offset 64
    .cfi_offset lr, 16
    std     %r31, 56(%r1)
    .cfi_rel_offset %r31, 56
    .cfi_remember_state
    mr      %r31, %r3
    .cfi_def_cfa %r31, 528
    .cfi_offset 70, 8           /* CR */
    .cfi_offset %r14, -496
    .cfi_offset %r15, -488
    .cfi_offset %r16, -480
    .cfi_offset %r17, -472
    .cfi_offset %r18, -464
    .cfi_offset %r19, -456
    .cfi_offset %r20, -448
    .cfi_offset %r21, -440
    .cfi_offset %r22, -432
    .cfi_offset %r23, -424
    .cfi_offset %r24, -416
    .cfi_offset %r25, -408
    .cfi_offset %r26, -400
    .cfi_offset %r27, -392
    .cfi_offset %r28, -384
    .cfi_offset %r29, -376
    .cfi_offset %r30, -368
    .cfi_offset %r31, -360
    addi    %r0, %r31, 528
    std     %r0, 0(%r1)         /* back chain */
    std     %r2, 24(%r1)
    mr      %r12, %r4
    mr      %r3, %r5
    mtctr   %r12
    bctrl
    ld      %r2, 24(%r1)
    .cfi_restore_state
    ld      %r31, 56(%r1)
    .cfi_restore %r31
    addi    %r1, %r1, 64
    .cfi_def_cfa_offset 0
    ld      %r0, 16(%r1)
    mtlr    %r0
    .cfi_restore lr
    blr
    .cfi_endproc
    .size   green__context_inspect, . - green__context_inspect

/*
 * void *green__context_make(void *top, entry)
 *
 *     top - 64   the first frame: back chain, room for LR, CR and TOC
 *     top - 72   entry
 *     top - 80   the FPSCR of the caller
 *
 * The lowest bit of the result tells it from a suspended context.
 */
    .globl  green__context_make
    .hidden green__context_make
    .type   green__context_make, @function
    .p2align 4
green__context_make:
    .cfi_startproc
    rldicr  %r3, %r3, 0, 59     /* a multiple of 16 */
    mffs    %f0
    stfdu   %f0, -80(%r3)
    std     %r4, 8(%r3)
    addi    %r3, %r3, 1
    blr
    .cfi_endproc
    .size   green__context_make, . - green__context_make

    .section .note.GNU-stack, "", @progbits

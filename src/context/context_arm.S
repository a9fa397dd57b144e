/*
 * The context switch for 32-bit ARM with VFP (ARMv7), AAPCS.
 *
 * Saved is what a function call must preserve:
 *
 *     sp + 100  lr (return address)
 *     sp +  68  r4 .. r11
 *     sp +   4  d8 .. d15
 *     sp +   0  FPSCR (the control bits alone are preserved by calls)
 *
 * Writing FPSCR is slow, so the switch does it only when the control bits differ.
 *
 * Two descriptions of the frames: the tables of the ARM EHABI (.fnstart and so on)
 * for backtrace(3) and C++, CFI for gdb. The former are right at calls alone.
 */
    .syntax unified
    .arch   armv7-a
    .fpu    vfpv3-d16
    .thumb
    .text
    .cfi_sections .debug_frame

    .globl  green__context_switch
    .hidden green__context_switch
    .type   green__context_switch, %function
    .p2align 4
green__context_switch:
    .fnstart
    .cfi_startproc
    push    {r4-r11, lr}
    .save   {r4-r11, lr}
    .cfi_adjust_cfa_offset 36
    .cfi_rel_offset r4, 0
    .cfi_rel_offset r5, 4
    .cfi_rel_offset r6, 8
    .cfi_rel_offset r7, 12
    .cfi_rel_offset r8, 16
    .cfi_rel_offset r9, 20
    .cfi_rel_offset r10, 24
    .cfi_rel_offset r11, 28
    .cfi_rel_offset lr, 32
    vpush   {d8-d15}
    .vsave  {d8-d15}
    .cfi_adjust_cfa_offset 64
    vmrs    r3, fpscr
    push    {r3}
    .pad    #4
    .cfi_adjust_cfa_offset 4
    str     sp, [r0]

.Lload:
    tst     r1, #1
    bne     .Lbegin

    /* Both stacks have the same layout here, so the CFI holds on both sides. */
    mov     sp, r1
    .cfi_remember_state
    pop     {r2}
    .cfi_adjust_cfa_offset -4
    eor     r3, r3, r2
    ubfx    r3, r3, #8, #19     /* without the flags at both ends */
    cbz     r3, 1f
    vmsr    fpscr, r2
1:  vpop    {d8-d15}
    .cfi_adjust_cfa_offset -64
    mov     r0, #0
    pop     {r4-r11, pc}
    .cfi_restore_state
    .cfi_endproc
    .fnend

    /*
     * A new context: there is no caller, so a backtrace ends here. What entry
     * returns, a struct, it stores where its hidden first argument points.
     */
    .fnstart
    .cantunwind
    .cfi_startproc
    .cfi_undefined lr
.Lbegin:
    sub     r1, r1, #1
    mov     sp, r1
    ldr     r3, [sp]            /* FPSCR */
    ldr     r4, [sp, #4]        /* entry */
    vmsr    fpscr, r3
    mov     r0, sp
    mov     r1, r2
    mov     r7, #0              /* the frame pointers of Thumb and ARM code */
    mov     r11, #0
    blx     r4
    ldr     r1, [sp]
    ldr     r2, [sp, #4]        /* its arg */
    vmrs    r3, fpscr
    b       .Lload
    .cfi_endproc
    .fnend
    .size   green__context_switch, . - green__context_switch

/*
 * void green__context_inspect(void *context, void (*fn)(void *), void *arg)
 *
 * To an unwinder, fn's return address lies in the suspended switch: the CFI is
 * the one that holds after .Lload, but counts from r4. fn runs on the caller's
 * stack, so nothing is written to the suspended one.
 */
    .globl  green__context_inspect
    .hidden green__context_inspect
    .type   green__context_inspect, %function
    .p2align 4
green__context_inspect:
    .fnstart
    .cfi_startproc
    push    {r4, lr}
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r4, 0
    .cfi_rel_offset lr, 4
    .cfi_remember_state
    mov     r4, r0
    .save   {r4-r11, lr}
    .vsave  {d8-d15}
    .pad    #4
    .setfp  r4, sp
    .cfi_def_cfa r4, 104
    .cfi_offset r4, -36
    .cfi_offset r5, -32
    .cfi_offset r6, -28
    .cfi_offset r7, -24
    .cfi_offset r8, -20
    .cfi_offset r9, -16
    .cfi_offset r10, -12
    .cfi_offset r11, -8
    .cfi_offset lr, -4
    mov     r0, r2
    blx     r1
    .cfi_restore_state
    pop     {r4, pc}
    .cfi_endproc
    .fnend
    .size   green__context_inspect, . - green__context_inspect

/*
 * void *green__context_make(void *top, entry)
 *
 *     top - 12   entry
 *     top - 16   the FPSCR of the caller
 *
 * The lowest bit of the result tells it from a suspended context.
 */
    .globl  green__context_make
    .hidden green__context_make
    .type   green__context_make, %function
    .p2align 4
green__context_make:
    .fnstart
    .cfi_startproc
    bic     r0, r0, #15
    vmrs    r3, fpscr
    str     r3, [r0, #-16]
    str     r1, [r0, #-12]
    sub     r0, r0, #15
    bx      lr
    .cfi_endproc
    .fnend
    .size   green__context_make, . - green__context_make

    .section .note.GNU-stack, "", %progbits

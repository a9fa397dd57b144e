/*
 * The context switch for RISC-V with 64 bits and double floats, LP64D.
 *
 * Saved is what a function call must preserve:
 *
 *     sp + 112  fs0 .. fs11
 *     sp + 104  frm (the rounding mode; a call does not preserve the flags)
 *     sp +  96  ra (return address)
 *     sp +   0  s0 (frame pointer), s1 .. s11
 *
 * Writing a control register may serialise the processor, so the switch does it
 * only when the two values differ. gp and tp are the OS thread's.
 */
    .text

    .globl  green__context_switch
    .hidden green__context_switch
    .type   green__context_switch, @function
    .p2align 4
green__context_switch:
    .cfi_startproc
    addi    sp, sp, -208
    .cfi_adjust_cfa_offset 208
    sd      s0, 0(sp)
    .cfi_rel_offset s0, 0
    sd      s1, 8(sp)
    .cfi_rel_offset s1, 8
    sd      s2, 16(sp)
    .cfi_rel_offset s2, 16
    sd      s3, 24(sp)
    .cfi_rel_offset s3, 24
    sd      s4, 32(sp)
    .cfi_rel_offset s4, 32
    sd      s5, 40(sp)
    .cfi_rel_offset s5, 40
    sd      s6, 48(sp)
    .cfi_rel_offset s6, 48
    sd      s7, 56(sp)
    .cfi_rel_offset s7, 56
    sd      s8, 64(sp)
    .cfi_rel_offset s8, 64
    sd      s9, 72(sp)
    .cfi_rel_offset s9, 72
    sd      s10, 80(sp)
    .cfi_rel_offset s10, 80
    sd      s11, 88(sp)
    .cfi_rel_offset s11, 88
    sd      ra, 96(sp)
    .cfi_rel_offset ra, 96
    fsd     fs0, 112(sp)
    fsd     fs1, 120(sp)
    fsd     fs2, 128(sp)
    fsd     fs3, 136(sp)
    fsd     fs4, 144(sp)
    fsd     fs5, 152(sp)
    fsd     fs6, 160(sp)
    fsd     fs7, 168(sp)
    fsd     fs8, 176(sp)
    fsd     fs9, 184(sp)
    fsd     fs10, 192(sp)
    fsd     fs11, 200(sp)
    frrm    t0
    sd      t0, 104(sp)
    sd      sp, 0(a0)

.Lload:
    andi    t1, a1, 1
    bnez    t1, .Lbegin

    /* Both stacks have the same layout here, so the CFI holds on both sides. */
    mv      sp, a1
    ld      t1, 104(sp)
    beq     t0, t1, 1f
    fsrm    t1
1:  .cfi_remember_state
    ld      s0, 0(sp)
    ld      s1, 8(sp)
    ld      s2, 16(sp)
    ld      s3, 24(sp)
    ld      s4, 32(sp)
    ld      s5, 40(sp)
    ld      s6, 48(sp)
    ld      s7, 56(sp)
    ld      s8, 64(sp)
    ld      s9, 72(sp)
    ld      s10, 80(sp)
    ld      s11, 88(sp)
    ld      ra, 96(sp)
    fld     fs0, 112(sp)
    fld     fs1, 120(sp)
    fld     fs2, 128(sp)
    fld     fs3, 136(sp)
    fld     fs4, 144(sp)
    fld     fs5, 152(sp)
    fld     fs6, 160(sp)
    fld     fs7, 168(sp)
    fld     fs8, 176(sp)
    fld     fs9, 184(sp)
    fld     fs10, 192(sp)
    fld     fs11, 200(sp)
    addi    sp, sp, 208
    .cfi_adjust_cfa_offset -208
    li      a0, 0
    .cfi_restore s0
    .cfi_restore s1
    .cfi_restore s2
    .cfi_restore s3
    .cfi_restore s4
    .cfi_restore s5
    .cfi_restore s6
    .cfi_restore s7
    .cfi_restore s8
    .cfi_restore s9
    .cfi_restore s10
    .cfi_restore s11
    .cfi_restore ra
    ret
    .cfi_restore_state

    /* A new context: there is no caller, so a backtrace ends here. */
.Lbegin:
    addi    sp, a1, -1
    .cfi_undefined ra
    ld      t0, 0(sp)           /* the rounding mode */
    ld      t1, 8(sp)           /* entry */
    mv      a0, a2
    fsrm    t0
    addi    sp, sp, 16
    li      s0, 0
    li      ra, 0
    jalr    t1
    mv      a2, a1              /* its arg */
    mv      a1, a0
    frrm    t0
    j       .Lload
    .cfi_endproc
    .size   green__context_switch, . - green__context_switch

/*
 * void green__context_inspect(void *context, void (*fn)(void *), void *arg)
 *
 * To an unwinder, fn's return address lies in the suspended switch: the CFI is
 * the one that holds after .Lload, but counts from s1. fn runs on the caller's
 * stack, so nothing is written to the suspended one.
 */
    .globl  green__context_inspect
    .hidden green__context_inspect
    .type   green__context_inspect, @function
    .p2align 4
green__context_inspect:
    .cfi_startproc
    addi    sp, sp, -16
    .cfi_adjust_cfa_offset 16
    sd      s1, 0(sp)
    .cfi_rel_offset s1, 0
    sd      ra, 8(sp)
    .cfi_rel_offset ra, 8
    .cfi_remember_state
    mv      s1, a0
    .cfi_def_cfa s1, 208
    .cfi_offset s0, -208
    .cfi_offset s1, -200
    .cfi_offset s2, -192
    .cfi_offset s3, -184
    .cfi_offset s4, -176
    .cfi_offset s5, -168
    .cfi_offset s6, -160
    .cfi_offset s7, -152
    .cfi_offset s8, -144
    .cfi_offset s9, -136
    .cfi_offset s10, -128
    .cfi_offset s11, -120
    .cfi_offset ra, -112
    mv      a0, a2
    jalr    a1
    .cfi_restore_state
    ld      s1, 0(sp)
    .cfi_restore s1
    ld      ra, 8(sp)
    .cfi_restore ra
    addi    sp, sp, 16
    .cfi_adjust_cfa_offset -16
    ret
    .cfi_endproc
    .size   green__context_inspect, . - green__context_inspect

/*
 * void *green__context_make(void *top, entry)
 *
 *     top - 24   entry
 *     top - 32   the rounding mode of the caller
 *
 * The lowest bit of the result tells it from a suspended context.
 */
    .globl  green__context_make
    .hidden green__context_make
    .type   green__context_make, @function
    .p2align 4
green__context_make:
    .cfi_startproc
    andi    a0, a0, -16
    frrm    t0
    sd      t0, -32(a0)
    sd      a1, -24(a0)
    addi    a0, a0, -31
    ret
    .cfi_endproc
    .size   green__context_make, . - green__context_make

    .section .note.GNU-stack, "", @progbits

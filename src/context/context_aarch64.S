/*
 * The context switch for AArch64, AAPCS64.
 *
 * Saved is what a function call must preserve:
 *
 *     sp + 160  FPCR (the control bits alone are preserved by calls)
 *     sp +  96  d8 .. d15
 *     sp +  80  x29 (frame pointer), x30 (return address)
 *     sp +   0  x19 .. x28
 *
 * Writing FPCR serialises the processor, so the switch does it only when the
 * two values differ. The resumed side leaves by ret, which branch target
 * identification permits; context_x86_64.S explains the effect on return
 * prediction.
 */
    .text

    .globl  green__context_switch
    .hidden green__context_switch
    .type   green__context_switch, %function
    .p2align 4
green__context_switch:
    .cfi_startproc
    hint    #34                 /* bti c */
    sub     sp, sp, #176
    .cfi_adjust_cfa_offset 176
    stp     x19, x20, [sp, #0]
    .cfi_rel_offset x19, 0
    .cfi_rel_offset x20, 8
    stp     x21, x22, [sp, #16]
    .cfi_rel_offset x21, 16
    .cfi_rel_offset x22, 24
    stp     x23, x24, [sp, #32]
    .cfi_rel_offset x23, 32
    .cfi_rel_offset x24, 40
    stp     x25, x26, [sp, #48]
    .cfi_rel_offset x25, 48
    .cfi_rel_offset x26, 56
    stp     x27, x28, [sp, #64]
    .cfi_rel_offset x27, 64
    .cfi_rel_offset x28, 72
    stp     x29, x30, [sp, #80]
    .cfi_rel_offset x29, 80
    .cfi_rel_offset x30, 88
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    mrs     x9, fpcr
    str     x9, [sp, #160]
    mov     x10, sp
    str     x10, [x0]

.Lload:
    tbnz    x1, #0, .Lbegin

    /* Both stacks have the same layout here, so the CFI holds on both sides. */
    mov     sp, x1
    ldr     x10, [sp, #160]
    cmp     x9, x10
    b.eq    1f
    msr     fpcr, x10
1:  .cfi_remember_state
    ldp     x19, x20, [sp, #0]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    add     sp, sp, #176
    .cfi_adjust_cfa_offset -176
    mov     w0, wzr
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_restore x29
    .cfi_restore x30
    ret
    .cfi_restore_state

    /* A new context: there is no caller, so a backtrace ends here. */
.Lbegin:
    sub     x10, x1, #1
    mov     sp, x10
    .cfi_undefined x30
    ldp     x9, x10, [sp]       /* FPCR, entry */
    mov     x0, x2
    msr     fpcr, x9
    add     sp, sp, #32
    mov     x29, xzr
    mov     x30, xzr
    blr     x10
    mov     x2, x1              /* its arg */
    mov     x1, x0
    mrs     x9, fpcr
    b       .Lload
    .cfi_endproc
    .size   green__context_switch, . - green__context_switch

/*
 * void green__context_inspect(void *context, void (*fn)(void *), void *arg)
 *
 * To an unwinder, fn's return address lies in the suspended switch: the CFI is
 * the one that holds after .Lload, but counts from x19. fn runs on the caller's
 * stack, so nothing is written to the suspended one.
 */
    .globl  green__context_inspect
    .hidden green__context_inspect
    .type   green__context_inspect, %function
    .p2align 4
green__context_inspect:
    .cfi_startproc
    hint    #34                 /* bti c */
    stp     x19, x30, [sp, #-16]!
    .cfi_adjust_cfa_offset 16
    .cfi_rel_offset x19, 0
    .cfi_rel_offset x30, 8
    .cfi_remember_state
    mov     x19, x0
    .cfi_def_cfa x19, 176
    .cfi_offset x19, -176
    .cfi_offset x20, -168
    .cfi_offset x21, -160
    .cfi_offset x22, -152
    .cfi_offset x23, -144
    .cfi_offset x24, -136
    .cfi_offset x25, -128
    .cfi_offset x26, -120
    .cfi_offset x27, -112
    .cfi_offset x28, -104
    .cfi_offset x29, -96
    .cfi_offset x30, -88
    mov     x0, x2
    blr     x1
    .cfi_restore_state
    ldp     x19, x30, [sp], #16
    .cfi_adjust_cfa_offset -16
    .cfi_restore x19
    .cfi_restore x30
    ret
    .cfi_endproc
    .size   green__context_inspect, . - green__context_inspect

/*
 * void *green__context_make(void *top, entry)
 *
 *     top - 24   entry
 *     top - 32   the FPCR of the caller
 *
 * The lowest bit of the result tells it from a suspended context.
 */
    .globl  green__context_make
    .hidden green__context_make
    .type   green__context_make, %function
    .p2align 4
green__context_make:
    .cfi_startproc
    hint    #34                 /* bti c */
    and     x0, x0, #~15
    sub     x0, x0, #32
    mrs     x9, fpcr
    stp     x9, x1, [x0]
    add     x0, x0, #1
    ret
    .cfi_endproc
    .size   green__context_make, . - green__context_make

    .section .note.GNU-stack, "", %progbits
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5            /* name size, description size, type 0 */
    .asciz  "GNU"
    .long   0xc0000000          /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
    .long   4
    .long   1                   /* BTI */
    .long   0

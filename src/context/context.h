/*
 * The switch between two stacks, in assembly where there is some for the
 * architecture. A suspended context is one pointer: into its own stack, where
 * the switch has left what must survive a function call.
 */
#ifndef GREEN_CONTEXT_H
#define GREEN_CONTEXT_H

/*
 * Suspends the running context into *save, and resumes `load`, which an earlier
 * switch saved or green__context_make made; to the latter's entry goes `arg`.
 * Returns 0, when it is resumed itself: so the caller need not come back to return
 * that. Only green__switch_to() calls it.
 */
int green__context_switch(void **save, void *load, void *arg);

/*
 * Calls fn(arg) on the stack of a suspended context, as if from where it was
 * suspended: a backtrace made by fn shows that place and how it was reached.
 */
void green__context_inspect(void *context, void (*fn)(void *), void *arg);

/* What a context ends with: the one that is resumed then, and its `arg`. Two
 * words, which come back in registers. */
struct green__next_context {
    void *load, *arg;
};

/*
 * A context that will run entry on the stack that ends at `top`, with the
 * floating-point control words of the caller. When entry returns, this one is
 * over.
 */
void *green__context_make(void *top,
                          struct green__next_context (*entry)(void *arg));

#endif

/*
 * The switch between two stacks: in assembly where the architecture has an
 * implementation, else through ucontext. A suspended context is a pointer into
 * its own stack, where the switch saved the registers that a function call
 * preserves.
 */
#ifndef GREEN_CONTEXT_H
#define GREEN_CONTEXT_H

/*
 * Suspends the running context into *save and resumes `load`, which an earlier
 * switch saved or green__context_make made; a new context's entry receives
 * `arg`. Returns 0 when it is resumed itself; since the result is always 0, a
 * caller can return it by a tail call. Only green__switch_to() calls this.
 */
int green__context_switch(void **save, void *load, void *arg);

/*
 * Calls fn(arg) as if from the point where a context was suspended: a backtrace
 * made by fn shows that point and its callers. In assembly it runs on the
 * caller's stack, also in a signal handler; ucontext's runs on the suspended
 * one.
 */
void green__context_inspect(void *context, void (*fn)(void *), void *arg);

/* A context's entry returns the context to resume next, and that context's
 * `arg`. The struct has two words, so it is returned in registers. */
struct green__next_context {
    void *load, *arg;
};

/*
 * Makes a context that will run `entry` on the stack that ends at `top`, with
 * the caller's floating-point control words. The context ends when `entry`
 * returns.
 */
void *green__context_make(void *top,
                          struct green__next_context (*entry)(void *arg));

#endif

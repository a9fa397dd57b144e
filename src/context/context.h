/*
 * The switch between two stacks, in assembly where there is some for the
 * architecture. A suspended context is one pointer: into its own stack, where
 * the switch has left what must survive a function call.
 */
#ifndef GREEN_CONTEXT_H
#define GREEN_CONTEXT_H

/*
 * Suspends the running context into *save, and resumes `load`, which an earlier
 * switch saved or green__context_make made. Only green__switch_to() calls it.
 */
void green__context_switch(void **save, void *load);

/*
 * A context that will run entry(arg) on the stack that ends at `top`, with the
 * floating-point control words of the caller. What entry returns is the context
 * that is resumed then; this one is over.
 */
void *green__context_make(void *top, void *(*entry)(void *), void *arg);

#endif

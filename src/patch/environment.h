/* What the programs that this one executes inherit of the environment. */
#ifndef GREEN_PATCH_ENVIRONMENT_H
#define GREEN_PATCH_ENVIRONMENT_H

/*
 * Takes LD_PRELOAD's entry for this library and GREENHUB_PATCH... out of the
 * environment, unless GREENHUB_PATCH_CHILDREN is set. Called before main, when
 * all has been read, in a program whose threads are greenthreads.
 */
void green__environment_hide(void);

#endif

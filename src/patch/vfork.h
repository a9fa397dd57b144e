/*
 * vfork: the child runs on the memory and the stack of its parent, which stands
 * still until the child executes a program or exits. Were the child's calls
 * green, they would change the parent's hub and its tables of descriptors,
 * signal masks and handlers. So they are native.
 *
 * vfork returns twice, and what the child does overwrites the frame of any
 * function that called the kernel. So the hook is in assembly, and keeps in
 * registers what the parent needs:
 *
 *     vfork -> green__vfork_begins: native from here on
 *           -> kernel -> child: returns to the caller
 *                     -> parent, later: green__vfork_ends, returns to the caller
 */
#ifndef GREEN_PATCH_VFORK_H
#define GREEN_PATCH_VFORK_H

/* What has to be undone, for green__vfork_ends. Leaves errno alone. */
unsigned green__vfork_begins(void);

/* In the parent. `result` is the kernel's; returns vfork's. */
long green__vfork_ends(long result, unsigned begun);

#endif

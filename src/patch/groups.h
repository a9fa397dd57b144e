/* The groups by name, and what each needs before it is turned on. */
#ifndef GREEN_PATCH_GROUPS_H
#define GREEN_PATCH_GROUPS_H

#define GREEN__PATCH_ALL 0x3ff

/* "io,locks", "libraries" or "all" -> groups. Returns 0, or -1 with EINVAL. */
int green__groups_of(const char *names, unsigned *groups);

/* Refuses an unknown group: -1 with EINVAL. */
int green__refuse_groups(void);

/* Makes ready what the groups need. Returns 0, or -1 with errno and words. */
int green__groups_prepare(unsigned groups);

#endif

#ifndef GREEN_SELECT_H
#define GREEN_SELECT_H

/* The size of the process's table of descriptors, in entries; at least 1 above the
 * highest number that is open. */
unsigned long green__descriptor_room(void);

#endif

#ifndef GREEN_MULTICAST_H
#define GREEN_MULTICAST_H

/* Of the groups that this socket has joined itself, not of those that others have;
 * where the system can tell. `level`: IPPROTO_IP or IPPROTO_IPV6. */
void green__own_groups_only(int fd, int level);

#endif

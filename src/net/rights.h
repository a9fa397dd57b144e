/* What systems have beside SCM_RIGHTS. */
#ifndef GREEN_RIGHTS_H
#define GREEN_RIGHTS_H

/* The type of a control message with a pidfd; -1: there is none. */
extern const int green__scm_pidfd;

#endif

/*
 * The one list of what the patch library defines in front of libc. Each line is
 * NAME(symbol, group, wave): the group that turns it on (enum
 * green_patch_group), or HOOK for what keeps track whatever is on; and the
 * wave: 1 what libraries need, 2 what programs need, 3 the rest.
 *
 * It is included where NAME is defined: real.h makes a table of libc's own
 * functions of it, and tests and lint read it as text.
 */

/* Transfers */
NAME(read, IO, 1)
NAME(write, IO, 1)
NAME(readv, IO, 1)
NAME(writev, IO, 1)
NAME(recv, IO, 1)
NAME(recvfrom, IO, 1)
NAME(recvmsg, IO, 1)
NAME(send, IO, 1)
NAME(sendto, IO, 1)
NAME(sendmsg, IO, 1)
NAME(sendfile, IO, 1)
NAME(sendfile64, IO, 1)
NAME(recvmmsg, IO, 2)
NAME(sendmmsg, IO, 2)
NAME(eventfd_read, IO, 2)
NAME(eventfd_write, IO, 2)

/* Descriptors */
NAME(socket, IO, 1)
NAME(socketpair, IO, 1)
NAME(pipe, IO, 1)
NAME(pipe2, IO, 1)
NAME(accept, IO, 1)
NAME(accept4, IO, 1)
NAME(connect, IO, 1)
NAME(shutdown, IO, 1)
NAME(close, IO, 1)
NAME(close_range, IO, 2)
NAME(closefrom, IO, 2)
NAME(dup, IO, 1)
NAME(dup2, IO, 1)
NAME(dup3, IO, 1)
NAME(fcntl, IO, 1)
NAME(fcntl64, IO, 1)
NAME(ioctl, IO, 1)
NAME(setsockopt, IO, 1)

/* What -D_FORTIFY_SOURCE calls instead */
NAME(__read_chk, IO, 1)
NAME(__recv_chk, IO, 1)
NAME(__recvfrom_chk, IO, 1)
NAME(__poll_chk, IO, 1)
NAME(__ppoll_chk, IO, 1)

/* Waits */
NAME(poll, IO, 1)
NAME(ppoll, IO, 1)
NAME(select, IO, 1)
NAME(pselect, IO, 1)
NAME(epoll_wait, IO, 1)
NAME(epoll_pwait, IO, 1)
NAME(epoll_pwait2, IO, 1)

/* Time */
NAME(sleep, TIME, 1)
NAME(usleep, TIME, 1)
NAME(nanosleep, TIME, 1)
NAME(clock_nanosleep, TIME, 1)
NAME(sched_yield, TIME, 1)

/* Names */
NAME(getaddrinfo, NAMES, 1)
NAME(getnameinfo, NAMES, 1)
NAME(gethostbyname, NAMES, 1)
NAME(gethostbyname2, NAMES, 1)
NAME(gethostbyaddr, NAMES, 1)
NAME(gethostbyname_r, NAMES, 1)
NAME(gethostbyname2_r, NAMES, 1)
NAME(gethostbyaddr_r, NAMES, 1)

/* Processes */
NAME(wait, PROCESS, 2)
NAME(waitpid, PROCESS, 2)
NAME(wait3, PROCESS, 2)
NAME(wait4, PROCESS, 2)
NAME(waitid, PROCESS, 2)
NAME(system, PROCESS, 2)
NAME(pclose, PROCESS, 2)

/* Threads */
NAME(pthread_create, THREADS, 2)
NAME(pthread_exit, THREADS, 2)
NAME(pthread_join, LOCKS, 1)
NAME(pthread_tryjoin_np, THREADS, 2)
NAME(pthread_timedjoin_np, THREADS, 2)
NAME(pthread_clockjoin_np, THREADS, 2)
NAME(pthread_detach, THREADS, 2)
NAME(pthread_self, THREADS, 2)

/* C11 threads */
NAME(thrd_create, THREADS, 2)
NAME(thrd_join, THREADS, 2)
NAME(thrd_detach, THREADS, 2)
NAME(thrd_current, THREADS, 2)
NAME(thrd_exit, THREADS, 2)

/* C11 sleeps */
NAME(thrd_sleep, TIME, 2)
NAME(thrd_yield, TIME, 2)

/* Threads by handle */
NAME(pthread_setname_np, THREADS, 2)
NAME(pthread_getname_np, THREADS, 2)
NAME(pthread_getattr_np, THREADS, 2)
NAME(pthread_setschedparam, THREADS, 2)
NAME(pthread_getschedparam, THREADS, 2)
NAME(pthread_setschedprio, THREADS, 2)
NAME(pthread_setaffinity_np, THREADS, 2)
NAME(pthread_getaffinity_np, THREADS, 2)
NAME(pthread_getcpuclockid, THREADS, 2)
NAME(pthread_kill, THREADS, 2)
NAME(pthread_sigqueue, THREADS, 2)

/* Cancellation */
NAME(pthread_cancel, THREADS, 2)
NAME(pthread_testcancel, THREADS, 2)
NAME(pthread_setcancelstate, THREADS, 2)
NAME(pthread_setcanceltype, THREADS, 2)
NAME(__pthread_register_cancel, THREADS, 2)
NAME(__pthread_unregister_cancel, THREADS, 2)
NAME(__pthread_register_cancel_defer, THREADS, 2)
NAME(__pthread_unregister_cancel_restore, THREADS, 2)
NAME(__pthread_unwind_next, THREADS, 2)

/* Signals */
NAME(sigaction, SIGNALS, 2)
NAME(signal, SIGNALS, 2)
NAME(siginterrupt, SIGNALS, 2)
NAME(pthread_sigmask, SIGNALS, 2)
NAME(sigprocmask, SIGNALS, 2)
NAME(pause, SIGNALS, 2)
NAME(sigsuspend, SIGNALS, 2)
NAME(sigwait, SIGNALS, 2)
NAME(sigwaitinfo, SIGNALS, 2)
NAME(sigtimedwait, SIGNALS, 2)

/* What is done as the OS thread, whatever is on */
NAME(raise, HOOK, 2)
NAME(abort, HOOK, 2)
NAME(fork, HOOK, 2)
NAME(daemon, HOOK, 2)
NAME(setuid, HOOK, 2)
NAME(setgid, HOOK, 2)
NAME(seteuid, HOOK, 2)
NAME(setegid, HOOK, 2)
NAME(setreuid, HOOK, 2)
NAME(setregid, HOOK, 2)
NAME(setresuid, HOOK, 2)
NAME(setresgid, HOOK, 2)
NAME(setgroups, HOOK, 2)

/* Mutexes */
NAME(pthread_mutex_init, LOCKS, 1)
NAME(pthread_mutex_destroy, LOCKS, 1)
NAME(pthread_mutex_lock, LOCKS, 1)
NAME(pthread_mutex_trylock, LOCKS, 1)
NAME(pthread_mutex_timedlock, LOCKS, 1)
NAME(pthread_mutex_clocklock, LOCKS, 1)
NAME(pthread_mutex_unlock, LOCKS, 1)
NAME(mtx_init, LOCKS, 1)
NAME(mtx_destroy, LOCKS, 1)
NAME(mtx_lock, LOCKS, 1)
NAME(mtx_trylock, LOCKS, 1)
NAME(mtx_timedlock, LOCKS, 1)
NAME(mtx_unlock, LOCKS, 1)

/* Condition variables */
NAME(pthread_cond_init, LOCKS, 1)
NAME(pthread_cond_destroy, LOCKS, 1)
NAME(pthread_cond_wait, LOCKS, 1)
NAME(pthread_cond_timedwait, LOCKS, 1)
NAME(pthread_cond_clockwait, LOCKS, 1)
NAME(pthread_cond_signal, LOCKS, 1)
NAME(pthread_cond_broadcast, LOCKS, 1)
NAME(cnd_init, LOCKS, 1)
NAME(cnd_destroy, LOCKS, 1)
NAME(cnd_wait, LOCKS, 1)
NAME(cnd_timedwait, LOCKS, 1)
NAME(cnd_signal, LOCKS, 1)
NAME(cnd_broadcast, LOCKS, 1)

/* Read-write locks */
NAME(pthread_rwlock_init, LOCKS, 1)
NAME(pthread_rwlock_destroy, LOCKS, 1)
NAME(pthread_rwlock_rdlock, LOCKS, 1)
NAME(pthread_rwlock_timedrdlock, LOCKS, 1)
NAME(pthread_rwlock_clockrdlock, LOCKS, 1)
NAME(pthread_rwlock_wrlock, LOCKS, 1)
NAME(pthread_rwlock_trywrlock, LOCKS, 1)
NAME(pthread_rwlock_timedwrlock, LOCKS, 1)
NAME(pthread_rwlock_clockwrlock, LOCKS, 1)
NAME(pthread_rwlock_unlock, LOCKS, 1)

/* Once, and barriers */
NAME(pthread_once, LOCKS, 1)
NAME(call_once, LOCKS, 1)
NAME(pthread_barrier_init, LOCKS, 1)
NAME(pthread_barrier_destroy, LOCKS, 1)
NAME(pthread_barrier_wait, LOCKS, 1)

/* Semaphores */
NAME(sem_init, LOCKS, 1)
NAME(sem_destroy, LOCKS, 1)
NAME(sem_wait, LOCKS, 1)
NAME(sem_timedwait, LOCKS, 1)
NAME(sem_clockwait, LOCKS, 1)
NAME(sem_post, LOCKS, 1)

/* Futexes; and the guards of C++'s static variables */
NAME(syscall, LOCKS, 1)
NAME(__cxa_guard_acquire, LOCKS, 1)
NAME(__cxa_guard_release, LOCKS, 1)
NAME(__cxa_guard_abort, LOCKS, 1)

/* Thread-specific data */
NAME(pthread_key_create, KEYS, 1)
NAME(pthread_key_delete, KEYS, 1)
NAME(pthread_getspecific, KEYS, 1)
NAME(pthread_setspecific, KEYS, 1)
NAME(tss_create, KEYS, 1)
NAME(tss_delete, KEYS, 1)
NAME(tss_get, KEYS, 1)
NAME(tss_set, KEYS, 1)

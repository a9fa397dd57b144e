/* greenhub get: what its files share. */
#ifndef CLI_GET_H
#define CLI_GET_H

#include <greenhub.h>
#include <greenhub/http_client.h>

#define GET_FIELDS 32
#define GET_REASON 320

struct get_settings {
    const char *method; /* NULL: GET, with data POST */
    const char *names[GET_FIELDS], *values[GET_FIELDS];
    size_t field_count;
    const char *data; /* NULL: none */
    size_t data_size;
    const char *output; /* NULL: standard output */
    bool is_folder;     /* output */
    bool json, quiet, insecure;
    const char *authorities, *proxy, *address, *hub;
    unsigned jobs;
    uint64_t most; /* bytes of a body; 0: no limit */
    green_time timeout;
};

/* One URL, and what comes of it. */
struct get_job {
    const struct get_settings *settings;
    struct green_http_client *client;
    const char *url;
    struct get_job *before;  /* whose output comes first; NULL: none */
    struct green_event over; /* for the next */
    bool done;
    int status; /* 0: no response */
    uint64_t bytes;
    int64_t length; /* of the body, as the server says; -1: it does not */
    green_time begun, time;
    char type[128];
    char last_url[1024];
    char file[512]; /* where the body is; "": nowhere */
    char tls_reason[GET_REASON];
    char error[GET_REASON];
};

/* What is used of libgreenhub-http, and of libgreenhub-tls. */
extern struct get_library {
    struct green_http_client *(*create)(
        const struct green_http_client_options *options);
    int (*destroy)(struct green_http_client *client);
    struct green_http_client_exchange *(*open)(struct green_http_client *client,
                                               const char *method,
                                               const char *url);
    int (*add)(struct green_http_client_exchange *exchange, const char *name,
               const char *value);
    int (*body)(struct green_http_client_exchange *exchange, const void *bytes,
                size_t size);
    int (*response)(struct green_http_client_exchange *exchange);
    const char *(*url)(const struct green_http_client_exchange *exchange);
    const char *(*header)(const struct green_http_client_exchange *exchange,
                          const char *name);
    int64_t (*length)(const struct green_http_client_exchange *exchange);
    ssize_t (*read)(struct green_http_client_exchange *exchange, void *bytes,
                    size_t size);
    const char *(*reason)(const struct green_http_client_exchange *exchange);
    void (*close)(struct green_http_client_exchange *exchange);
} get_library;

/* get_client.c: loads the libraries and makes the client. Returns CLI_OK, or what
 * it has complained of. */
int get_client_create(const struct get_settings *settings, bool needs_tls,
                      struct green_http_client **client);
/* From now on, `reason` says why the calling greenthread has no TLS connection. */
void get_client_keep_reason(char reason[GET_REASON]);

/* get_job.c: fetches a URL; a function for greenthreads. */
void get_job_run(void *job);

/* get_output.c: chooses the name of a job's file, which none before it has. */
void get_output_name(struct get_job *job);
/* Where a job's body goes. Each returns 0, or -1 with job->error. */
struct get_output {
    int fd; /* -1: nowhere */
    char part[600];
};
int get_output_open(struct get_job *job, struct get_output *output);
int get_output_write(struct get_job *job, struct get_output *output,
                     const char *bytes, size_t size);
/* good: the body is whole. */
int get_output_close(struct get_job *job, struct get_output *output, bool good);

/* get_report.c: shows how far the jobs are, until it is killed. */
struct get_jobs {
    struct get_job *jobs;
    size_t count;
};
void *get_report_progress(void *jobs);
/* Removes what that has shown. */
void get_report_end(void);
/* Prints an object in one line. */
void get_report_json(const struct get_job *job);
void get_report_error(const struct get_job *job);

#endif

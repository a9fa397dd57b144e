/* Where greenhub get writes a body: standard output, in the order of the URLs, or a file,
 * which appears when it is whole. */
#include "get.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(struct get_job *job, const char *path)
{
    snprintf(job->error, sizeof job->error, "%.200s: %s", path,
             strerror(errno));
    return -1;
}

/* ---- Names ----------------------------------------------------------------------- */

static bool is_taken(const struct get_job *job, const char *path)
{
    for (job = job->before; job; job = job->before)
        if (strcmp(job->file, path) == 0)
            return true;
    return false;
}

/* The last part of the URL's path; nothing in it leads elsewhere or hides the file. */
static void take_name(const char *url, char *name, size_t size)
{
    const char *path = strstr(url, "://"), *begin;
    size_t length = 0;

    path = path ? path + 3 : url;
    path += strcspn(path, "/?#");
    begin = path;
    for (; *path && *path != '?' && *path != '#'; path++)
        if (*path == '/')
            begin = path + 1;
    for (; begin < path && length < size - 1; begin++)
        name[length++] = *begin;
    name[length] = '\0';
    if (*name == '.')
        *name = '_';
    if (length == 0)
        snprintf(name, size, "index.html");
}

void get_output_name(struct get_job *job)
{
    const struct get_settings *settings = job->settings;
    char name[200], path[512];

    if (!settings->output)
        return;
    if (!settings->is_folder) {
        snprintf(job->file, sizeof job->file, "%s", settings->output);
        return;
    }
    take_name(job->url, name, sizeof name);
    snprintf(path, sizeof path, "%.290s/%s", settings->output, name);
    for (int i = 1; is_taken(job, path); i++)
        snprintf(path, sizeof path, "%.290s/%s.%d", settings->output, name, i);
    snprintf(job->file, sizeof job->file, "%s", path);
}

/* ---- Files ------------------------------------------------------------------------ */

int get_output_open(struct get_job *job, struct get_output *output)
{
    *output = (struct get_output){.fd = -1};
    if (!job->settings->output) {
        if (job->settings->json)
            return 0;
        if (job->before && green_event_wait(&job->before->over, NULL) < 0)
            return fail(job, "standard output");
        output->fd = STDOUT_FILENO;
        return 0;
    }
    snprintf(output->part, sizeof output->part, "%s.part", job->file);
    output->fd = green_open(output->part,
                            O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->fd >= 0)
        return 0;
    fail(job, output->part);
    job->file[0] = '\0';
    return -1;
}

int get_output_write(struct get_job *job, struct get_output *output,
                     const char *bytes, size_t size)
{
    if (output->fd < 0 || green_write_all(output->fd, bytes, size) == 0)
        return 0;
    return fail(job, *output->part ? output->part : "standard output");
}

int get_output_close(struct get_job *job, struct get_output *output, bool good)
{
    if (!*output->part || output->fd < 0)
        return 0;
    if (green_close(output->fd) < 0 && good) {
        fail(job, output->part);
        good = false;
    }
    if (good && rename(output->part, job->file) == 0)
        return 0;
    if (good)
        fail(job, job->file);
    unlink(output->part);
    job->file[0] = '\0';
    return -1;
}

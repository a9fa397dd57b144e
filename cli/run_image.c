/* What greenhub run has to know of an executable file before it runs it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

void run_copy_path(char to[PATH_MAX], const char *from)
{
    size_t length = strlen(from);

    if (length >= PATH_MAX)
        length = PATH_MAX - 1;
    memmove(to, from, length);
    to[length] = '\0';
}

/* Whether all of it is there. */
static bool read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    return pread(fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

/* ---- ELF ------------------------------------------------------------------ */

static void read_interpreter(int fd, const ElfW(Ehdr) * head,
                             struct run_image *image)
{
    ElfW(Phdr) part;

    for (unsigned i = 0; i < head->e_phnum; i++) {
        if (!read_at(fd, &part, sizeof part, head->e_phoff + i * sizeof part))
            return;
        if (part.p_type == PT_INTERP &&
            part.p_filesz < sizeof image->interpreter &&
            read_at(fd, image->interpreter, part.p_filesz, part.p_offset))
            return;
    }
}

/* The Go compiler leaves one of these in each program that it makes. */
static bool is_of_go(const char *section)
{
    return strcmp(section, ".note.go.buildid") == 0 ||
           strcmp(section, ".go.buildinfo") == 0;
}

static void read_sections(int fd, const ElfW(Ehdr) * head,
                          struct run_image *image)
{
    ElfW(Shdr) names, section;
    char name[32];

    if (!read_at(fd, &names, sizeof names,
                 head->e_shoff + head->e_shstrndx * sizeof names))
        return;
    for (unsigned i = 0; i < head->e_shnum && !image->go; i++) {
        ssize_t length;

        if (!read_at(fd, &section, sizeof section,
                     head->e_shoff + i * sizeof section))
            return;
        length = pread(fd, name, sizeof name - 1,
                       (off_t)(names.sh_offset + section.sh_name));
        name[length > 0 ? length : 0] = '\0';
        image->go = is_of_go(name);
    }
}

static void read_elf(int fd, const unsigned char *ident,
                     struct run_image *image)
{
    ElfW(Ehdr) head;

    image->kind = RUN_ELF;
    image->class = ident[EI_CLASS];
    image->order = ident[EI_DATA];
    /* Of another class or byte order, the rest is read differently. */
    if (image->class != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        !read_at(fd, &head, sizeof head, 0))
        return;
    image->machine = head.e_machine;
    read_interpreter(fd, &head, image);
    read_sections(fd, &head, image);
}

/* ---- Scripts ---------------------------------------------------------------- */

/* The kernel passes the rest of the line, blanks inside it too, as one. */
static void read_script(char *line, struct run_image *image)
{
    char *end;

    image->kind = RUN_SCRIPT;
    line[strcspn(line, "\n")] = '\0';
    line += strspn(line, " \t");
    end = line + strlen(line);
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    end = line + strcspn(line, " \t");
    memcpy(image->command, line, (size_t)(end - line));
    run_copy_path(image->argument, end + strspn(end, " \t"));
}

static void read_head(int fd, struct run_image *image)
{
    char head[512] = ""; /* the kernel reads 256 bytes of a script */
    ssize_t length = pread(fd, head, sizeof head - 1, 0);

    if (length >= EI_NIDENT && memcmp(head, ELFMAG, SELFMAG) == 0)
        read_elf(fd, (const unsigned char *)head, image);
    else if (length > 2 && head[0] == '#' && head[1] == '!')
        read_script(head + 2, image);
}

int run_read_image(const char *path, struct run_image *image)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    memset(image, 0, sizeof *image);
    image->kind = RUN_NEITHER;
    read_head(fd, image);
    close(fd);
    return 0;
}

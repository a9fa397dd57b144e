/* C++ greenthreads that switch inside their handlers. Used by a program and by
 * a plugin. */
#ifndef TESTS_RETHROWS_H
#define TESTS_RETHROWS_H

#include <greenhub.h>
#include <string>

namespace rethrows
{

struct one {
    int number;
    bool is_well;
};

/* Throws a string, switches in the handler, and throws the string again. */
inline void *run(void *arg)
{
    one *mine = static_cast<one *>(arg);
    const std::string text =
        "the text of number " + std::to_string(mine->number) + ", not short";

    try {
        try {
            throw text;
        } catch (const std::string &caught) {
            for (int i = 0; i <= mine->number; i++)
                green_sleep(i % 2 ? GREEN_MSEC : 0);
            mine->is_well = caught == text;
            throw;
        }
    } catch (const std::string &caught) {
        mine->is_well = mine->is_well && caught == text;
    } catch (...) {
        mine->is_well = false;
    }
    return arg;
}

/* Whether several of them, run at once, each catch their own string. */
inline bool all_are_well()
{
    one all[5] = {};
    green_thread *threads[5];
    bool is_well = true;

    for (int i = 0; i < 5; i++) {
        all[i].number = i; // the first to throw is the first to end
        threads[i] = green_spawn(run, &all[i]);
    }
    for (int i = 0; i < 5; i++)
        is_well = green_join(threads[i], nullptr) == 0 && is_well;
    for (const one &each : all)
        is_well = is_well && each.is_well;
    return is_well;
}

} // namespace rethrows

#endif

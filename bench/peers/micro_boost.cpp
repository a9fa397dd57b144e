/*
 * The floor of a yield: Boost.Context's bare jump between two contexts, without
 * scheduler, run queue or hub. Prints a line as micro_greenhub does.
 */
#include <boost/context/detail/fcontext.hpp>

#include <chrono>
#include <vector>

#include <figures.h>

namespace context = boost::context::detail;

static const int repetitions = 7;
static const long jumps = 10000000;
static long arrivals;

static void jump_back(context::transfer_t from)
{
    for (;;) {
        arrivals++;
        from = context::jump_fcontext(from.fctx, nullptr);
    }
}

static double time_jumps(context::fcontext_t &other)
{
    using clock = std::chrono::steady_clock;
    auto began = clock::now();

    for (long i = 0; i < jumps / 2; i++)
        other = context::jump_fcontext(other, nullptr).fctx;
    std::chrono::duration<double, std::nano> took = clock::now() - began;
    return took.count() / jumps;
}

int main()
{
    std::vector<char> stack(65536);
    context::fcontext_t other = context::make_fcontext(
        stack.data() + stack.size(), stack.size(), jump_back);
    figure result = {"yield", "ns", 0, {}};

    for (int i = 0; i < repetitions; i++)
        figure_add(&result, time_jumps(other));
    if (arrivals != repetitions * (jumps / 2)) {
        fprintf(stderr, "not every jump arrived\n");
        return 1;
    }
    figures_print("yield", &result, 1);
    return 0;
}

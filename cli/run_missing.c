/* greenhub run, where there is no libgreenhub-patch. */
#include "cli.h"
#include "run.h"

int cli_run(int argc, char **argv)
{
    (void)argc, (void)argv;
    return cli_complain(RUN_REFUSED, "run: this greenhub was built without "
                                     "libgreenhub-patch");
}

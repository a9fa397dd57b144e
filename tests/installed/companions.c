/* companions: a call of each, so that the linker needs them. */
#include <greenhub.h>
#include <greenhub/dns.h>
#include <greenhub/http.h>
#include <greenhub/tls.h>

#include <err.h>
#include <stdio.h>

int main(void)
{
    struct green_tls_config *config = green_tls_config_create(NULL);

    if (!config)
        errx(1, "%s", green_tls_reason());
    green_tls_config_free(config);
    if (green_use_dns() < 0)
        err(1, "green_use_dns");
    printf("companions: %s\n", green_http_protocols()[0]);
    return 0;
}

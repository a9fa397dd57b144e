/* Limits of a connection of HTTP/2: time limits of its reader, budgets for what a client
 * may waste, and its end. */
#include "http2.h"

/* ---- Budgets -------------------------------------------------------------------- */

bool green__http2_spend(struct green__http2_budget *budget)
{
    int64_t back;

    budget->spent++;
    if (budget->spent < GREEN__HTTP2_BURST)
        return true;
    back = (green_now() - budget->since) / (GREEN_SEC / GREEN__HTTP2_RATE);
    if (back <= 0)
        return false;
    budget->spent -= back < budget->spent ? back : budget->spent;
    budget->since = green_now();
    return budget->spent < GREEN__HTTP2_BURST;
}

void green__http2_earn(struct green__http2_budget *budget)
{
    budget->spent -= budget->spent < 2 ? budget->spent : 2;
}

/* ---- Time limits ---------------------------------------------------------------- */

/* While there are streams, their greenthreads have limits of their own. What the client
 * sends without a stream does not prolong its idle time. */
void green__http2_limit(struct green__http2 *http2)
{
    const struct green_http_options *options =
        &http2->connection->config->options;
    green_time end;

    if (http2->head_begun)
        end = http2->head_begun + options->header_timeout;
    else if (http2->stream_count == 0)
        end = http2->idle_since + options->idle_timeout;
    else {
        green__http_deadline_clear(&http2->limit);
        return;
    }
    end -= green_now();
    green__http_deadline_set(&http2->limit, GREEN__HTTP_READS,
                             end > 0 ? end : 1);
}

/* ---- The end -------------------------------------------------------------------- */

void green__http2_say_goodbye(struct green__http2 *http2, uint32_t error)
{
    nghttp2_session *session = http2->session;

    nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session),
                          error, NULL, 0);
    green__http2_write(http2);
}

void green__http2_calm(struct green__http2 *http2)
{
    nghttp2_session_terminate_session(http2->session,
                                      NGHTTP2_ENHANCE_YOUR_CALM);
    green__http2_write(http2);
}

void green__http2_stop_for_good(struct green__http2 *http2)
{
    if (http2->grace.callback == NULL)
        return;
    green_hub_cancel(http2->limit.hub, &http2->grace);
    http2->grace.callback = NULL;
    green__http2_say_goodbye(http2, NGHTTP2_NO_ERROR);
}

static void on_grace(struct green_timer *timer)
{
    green__http2_stop_for_good(timer->arg);
}

/*
 * RFC 9113, 6.8: first a GOAWAY that allows all streams, for those that the client has
 * begun already; the last one when it must have seen the first: when it answers the PING
 * behind that, or after a second.
 */
void green__http2_stop(struct green__http2 *http2)
{
    if (http2->stopping)
        return;
    http2->stopping = true;
    http2->grace = (struct green_timer){.callback = on_grace, .arg = http2};
    green_hub_schedule(http2->limit.hub, &http2->grace, green_after(GREEN_SEC));
    nghttp2_submit_shutdown_notice(http2->session);
    green__http2_write(http2);
}

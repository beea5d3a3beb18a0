#include "sectigo/cli/command.h"

#include <stdarg.h>
#include <stdio.h>

const struct command *const commands[] = {
    &apply_command,
    &collect_command,
    &status_command,
    &replace_command,
    &authorize_command,
    &revoke_command,
    &reject_command,
    &refund_command,
    &third_party_command,
    &upgrade_cost_command,
    &report_command,
    &balance_command,
    &update_dcv_command,
    &dcv_status_command,
    &resend_dcv_command,
    &retry_caa_command,
    &dcv_addresses_command,
    &decode_csr_command,
    &token_command,
    &push_command,
    &products_command,
    &codes_command,
    NULL,
};

void complain(const struct session *session, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    fprintf(stderr, "sectigo %s: ", session->command->name);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
}

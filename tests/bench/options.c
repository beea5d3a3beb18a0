#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: acmebench --directory URL [options]\n"
    "  --directory URL       ACME directory of the server to measure\n"
    "  --ca FILE             trust these CAs for the connection (default: the system's)\n"
    "  --accounts N          accounts, each with its own key and one order at a time (10)\n"
    "  --orders N            orders in all (500)\n"
    "  --names N             names in each order (1)\n"
    "  --domain SUFFIX       names are r<random>-<n>.SUFFIX (bench.example); all must lead to the responder\n"
    "  --http01-port PORT    where http-01 is answered (5002)\n"
    "  --http01-address ADDR (127.0.0.1)\n"
    "  --rate R              begin R orders a second, whatever the server does (default: one after another)\n"
    "  --poll-ms MS          sleep so long before each poll, as real clients do (1000); default: as Retry-After says,\n"
    "                        one second where it is absent\n"
    "  --pid PID             report CPU time per order and anonymous memory of this process\n"
    "  --idle N              at the end hold N idle TLS connections while memory is read\n"
    "  --eab-kid ID --eab-key FILE  bind every account to this external account key (HMAC, base64url, in FILE)\n"
    "  --leave               leave an order as soon as its CSR was accepted, whatever becomes of it\n"
    "  --times FILE          write for each order its first name, and when finalize was sent and answered (monotonic "
    "us)\n";

enum {
    OPTION_DIRECTORY = 1,
    OPTION_CA,
    OPTION_ACCOUNTS,
    OPTION_ORDERS,
    OPTION_NAMES,
    OPTION_DOMAIN,
    OPTION_PORT,
    OPTION_ADDRESS,
    OPTION_RATE,
    OPTION_POLL,
    OPTION_PID,
    OPTION_IDLE,
    OPTION_EAB_KID,
    OPTION_EAB_KEY,
    OPTION_LEAVE,
    OPTION_TIMES,
    OPTION_HELP
};

static const struct option known[] = {
    {"directory", required_argument, NULL, OPTION_DIRECTORY},
    {"ca", required_argument, NULL, OPTION_CA},
    {"accounts", required_argument, NULL, OPTION_ACCOUNTS},
    {"orders", required_argument, NULL, OPTION_ORDERS},
    {"names", required_argument, NULL, OPTION_NAMES},
    {"domain", required_argument, NULL, OPTION_DOMAIN},
    {"http01-port", required_argument, NULL, OPTION_PORT},
    {"http01-address", required_argument, NULL, OPTION_ADDRESS},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"poll-ms", required_argument, NULL, OPTION_POLL},
    {"pid", required_argument, NULL, OPTION_PID},
    {"idle", required_argument, NULL, OPTION_IDLE},
    {"eab-kid", required_argument, NULL, OPTION_EAB_KID},
    {"eab-key", required_argument, NULL, OPTION_EAB_KEY},
    {"leave", no_argument, NULL, OPTION_LEAVE},
    {"times", required_argument, NULL, OPTION_TIMES},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static bool number(const char *text, unsigned long most, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > most) {
        fprintf(stderr, "acmebench: \"%s\" is not a number from 0 to %lu\n", text, most);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static bool rate(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && *out > 0 && *out <= 100000)
        return true;
    fprintf(stderr, "acmebench: \"%s\" is not a number of orders a second\n", text);
    return false;
}

static bool read_number(int option, const char *text, struct options *o)
{
    unsigned value = 0;
    switch (option) {
    case OPTION_ACCOUNTS:
        return number(text, 10000, &o->accounts);
    case OPTION_ORDERS:
        return number(text, 10000000, &o->orders);
    case OPTION_NAMES:
        return number(text, 100, &o->names);
    case OPTION_POLL:
        return number(text, 600000, &o->poll_ms);
    case OPTION_IDLE:
        return number(text, 60000, &o->idle);
    case OPTION_PORT:
        if (!number(text, UINT16_MAX, &value))
            return false;
        o->http01_port = (uint16_t)value;
        return true;
    default:
        if (!number(text, INT32_MAX, &value))
            return false;
        o->pid = (pid_t)value;
        return true;
    }
}

static bool read_option(int option, const char *text, struct options *o)
{
    switch (option) {
    case OPTION_DIRECTORY:
        o->directory = text;
        return true;
    case OPTION_CA:
        o->ca_file = text;
        return true;
    case OPTION_DOMAIN:
        o->domain = text;
        return true;
    case OPTION_ADDRESS:
        o->http01_address = text;
        return true;
    case OPTION_EAB_KID:
        o->eab_kid = text;
        return true;
    case OPTION_EAB_KEY:
        o->eab_key_file = text;
        return true;
    case OPTION_LEAVE:
        o->leave = true;
        return true;
    case OPTION_TIMES:
        o->times_file = text;
        return true;
    case OPTION_RATE:
        return rate(text, &o->rate);
    default:
        return read_number(option, text, o);
    }
}

int options_read(int argc, char **argv, struct options *options)
{
    int option;
    *options = (struct options){.domain = "bench.example",
                                .http01_address = "127.0.0.1",
                                .http01_port = 5002,
                                .accounts = 10,
                                .orders = 500,
                                .names = 1};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (option == '?' || !read_option(option, optarg, options))
            return 2;
    }
    bool bound = (options->eab_kid != NULL) == (options->eab_key_file != NULL);
    if (optind == argc && options->directory != NULL && options->accounts > 0 && options->names > 0 && bound)
        return -1;
    fputs(usage, stderr);
    return 2;
}

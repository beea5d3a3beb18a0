#include "sectigo/sandbox/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LISTEN = 1000,
    DATA,
    RESOLVER,
    HTTP_PORT,
    HTTPS_PORT,
    PUSH_URL,
    PUSH_CA,
    PUSH_CERTIFICATE,
    LOGIN,
    PASSWORD_FILE,
    ISSUE_DELAY,
    TLS_NAME,
    CLIENT_CA,
    PLAIN,
    HELP
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"data", required_argument, NULL, DATA},
    {"resolver", required_argument, NULL, RESOLVER},
    {"http-port", required_argument, NULL, HTTP_PORT},
    {"https-port", required_argument, NULL, HTTPS_PORT},
    {"push-url", required_argument, NULL, PUSH_URL},
    {"push-ca", required_argument, NULL, PUSH_CA},
    {"push-certificate", no_argument, NULL, PUSH_CERTIFICATE},
    {"login", required_argument, NULL, LOGIN},
    {"password-file", required_argument, NULL, PASSWORD_FILE},
    {"issue-delay", required_argument, NULL, ISSUE_DELAY},
    {"tls-name", required_argument, NULL, TLS_NAME},
    {"client-ca", required_argument, NULL, CLIENT_CA},
    {"plain", required_argument, NULL, PLAIN},
    {"help", no_argument, NULL, HELP},
    {0},
};

void options_usage(void)
{
    puts("usage: sectigo-sandbox --listen ADDR:PORT --data DIR [options]\n"
         "A stand-in for Sectigo's partner API: real domain control, a throw-away CA, no money.\n\n"
         "  --listen ADDR:PORT     serve HTTPS here; port 0 takes any free one\n"
         "  --data DIR             state and authorities (tls-ca.pem, root.pem, intermediate.pem)\n"
         "  --resolver ADDR:PORT   look names up there, not at the system's resolver\n"
         "  --http-port N          port that HTTP_CSR_HASH files are fetched from (80)\n"
         "  --https-port N         port that HTTPS_CSR_HASH files are fetched from (443)\n"
         "  --push-url URL         notify this URL; may hold user:password@\n"
         "  --push-ca FILE         PEM file of authorities to trust for --push-url\n"
         "  --push-certificate     POST notifications, with the certificate\n"
         "  --login NAME           accept this login (sandbox); repeat for several,\n"
         "  --password-file FILE   each followed by the file of its password (sandbox)\n"
         "  --client-ca FILE       certificates of these authorities (PEM) are as good as the password of the login\n"
         "                         that is their common name\n"
         "  --issue-delay SECONDS  wait that long between validation and issuance (0)\n"
         "  --tls-name NAME        one more name for the HTTPS certificate\n"
         "  --plain ADDR:PORT      /sandbox/, CRL, OCSP over plain HTTP there; Sectigo's own paths answer -1");
}

static bool complain_option(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "sectigo-sandbox: --%s %s: %s\n", option, value, wanted);
    return false;
}

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *port = (uint16_t)number;
    return *text >= '0' && *text <= '9' && !*end && number <= UINT16_MAX;
}

/* "127.0.0.1:53", "[::1]:53" */
static bool read_endpoint(const char *text, char address[static 64], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    bool bracket = *text == '[';
    uint8_t octets[16];
    if (!colon || (bracket && colon[-1] != ']'))
        return false;
    snprintf(address, 64, "%.*s", (int)(colon - text) - (bracket ? 2 : 0), text + bracket);
    return (inet_pton(AF_INET, address, octets) == 1 || inet_pton(AF_INET6, address, octets) == 1) &&
           read_port(colon + 1, port);
}

static bool read_resolver(struct options *options, const char *text)
{
    char address[64];
    uint16_t port;
    if (!read_endpoint(text, address, &port) || !port)
        return complain_option("resolver", text, "needs an address and a port, like 127.0.0.1:53");
    snprintf(options->resolver_text, sizeof options->resolver_text, "%s@%u", address, port);
    options->resolver = options->resolver_text;
    return true;
}

static bool read_delay(struct options *options, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    if (!*text || *end || !isfinite(seconds) || seconds < 0 || seconds > 1e7)
        return complain_option("issue-delay", text, "needs a number of seconds");
    options->issue_delay_ms = (int64_t)(seconds * 1000);
    return true;
}

static bool add_login(struct options *options, const char *name)
{
    if (options->login_count == OPTIONS_LOGINS_MAX || strlen(name) > 64 || !*name)
        return complain_option("login", name, "a name has 1 to 64 characters, and there can be 16");
    options->logins[options->login_count++].name = name;
    return true;
}

static bool read_password(struct options *options, const char *path)
{
    struct options_login *login = &options->logins[options->login_count - 1];
    FILE *file;
    size_t len;
    if (!options->login_count || *login->password)
        return complain_option("password-file", path, "must follow the --login that it belongs to");
    file = fopen(path, "re");
    if (!file)
        return complain_option("password-file", path, strerror(errno));
    len = fread(login->password, 1, PASSWORD_MAX, file);
    fclose(file);
    login->password[len] = 0;
    login->password[strcspn(login->password, "\r\n")] = 0;
    return *login->password || complain_option("password-file", path, "is empty");
}

static bool read_text_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case DATA:
        options->folder = value;
        return true;
    case PUSH_URL:
        options->push_url = value;
        return true;
    case PUSH_CA:
        options->push_ca = value;
        return true;
    case PUSH_CERTIFICATE:
        options->push_certificate = true;
        return true;
    case CLIENT_CA:
        options->client_ca = value;
        return true;
    case TLS_NAME:
        options->tls_name = value;
        return true;
    case HELP:
        options->help = true;
        return true;
    default:
        return false;
    }
}

static bool read_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case LISTEN:
        return read_endpoint(value, options->address, &options->port) ||
               complain_option("listen", value, "needs an address and a port, like 127.0.0.1:8443");
    case PLAIN:
        return read_endpoint(value, options->plain_address, &options->plain_port) ||
               complain_option("plain", value, "needs an address and a port, like 127.0.0.1:8080");
    case RESOLVER:
        return read_resolver(options, value);
    case HTTP_PORT:
        return read_port(value, &options->http_port) || complain_option("http-port", value, "is not a port");
    case HTTPS_PORT:
        return read_port(value, &options->https_port) || complain_option("https-port", value, "is not a port");
    case LOGIN:
        return add_login(options, value);
    case PASSWORD_FILE:
        return read_password(options, value);
    case ISSUE_DELAY:
        return read_delay(options, value);
    default:
        return read_text_option(options, option, value);
    }
}

static bool check(struct options *options)
{
    if (options->help)
        return true;
    if (!options->folder || !*options->address) {
        fprintf(stderr, "sectigo-sandbox: --listen and --data are needed (--help shows all options)\n");
        return false;
    }
    for (unsigned i = 0; i < options->login_count; i++) {
        if (!*options->logins[i].password)
            return complain_option("login", options->logins[i].name, "needs a --password-file after it");
    }
    if (!options->login_count) {
        options->logins[0].name = "sandbox";
        snprintf(options->logins[0].password, sizeof options->logins[0].password, "sandbox");
        options->login_count = 1;
    }
    return true;
}

bool options_read(struct options *options, int argc, char **argv)
{
    int option;
    *options = (struct options){.http_port = 80, .https_port = 443};
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == '?' || !read_option(options, option, optarg))
            return false;
    }
    if (optind < argc)
        return complain_option("", argv[optind], "what is this? (--help shows all options)");
    return check(options);
}

void options_clear(struct options *options)
{
    explicit_bzero(options, sizeof *options);
}

/* options: the command line. */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { OPTIONS_LOGINS_MAX = 16, PASSWORD_MAX = 128 };

struct options_login {
    const char *name;
    char password[PASSWORD_MAX + 1];
};
struct options {
    char address[64];       /* to listen on, without brackets */
    uint16_t port;          /* 0: any */
    char plain_address[64]; /* to serve plain HTTP on, "": not */
    uint16_t plain_port;
    const char *folder;
    const char *resolver; /* "ADDR@PORT" for libunbound, NULL: the system's */
    char resolver_text[80];
    uint16_t http_port, https_port; /* of the servers that domain control is fetched from */
    const char *push_url, *push_ca;
    bool push_certificate;
    struct options_login logins[OPTIONS_LOGINS_MAX];
    unsigned login_count;
    int64_t issue_delay_ms;
    const char *tls_name, *client_ca;
    bool help;
};

/* False: a line on stderr says what is wrong. Texts point into argv. */
bool options_read(struct options *options, int argc, char **argv);
void options_usage(void);
/* Wipes the passwords. */
void options_clear(struct options *options);

#endif

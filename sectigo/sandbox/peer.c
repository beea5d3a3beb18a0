#include "sectigo/sandbox/peer.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

/* Common name of the certificate that the peer has proved to hold. */
static bool certified_name(gnutls_session_t session, char *out, size_t size)
{
    unsigned status = 1, count = 0;
    const gnutls_datum_t *chain;
    gnutls_x509_crt_t leaf;
    bool ok;
    if (gnutls_certificate_verify_peers2(session, &status) < 0 || status)
        return false;
    chain = gnutls_certificate_get_peers(session, &count);
    if (!chain || !count || gnutls_x509_crt_init(&leaf) < 0)
        return false;
    ok = gnutls_x509_crt_import(leaf, chain, GNUTLS_X509_FMT_DER) >= 0 &&
         gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out, &size) >= 0;
    gnutls_x509_crt_deinit(leaf);
    return ok;
}

static bool lacks(const struct sectigo_form *form, const char *name)
{
    const char *value = sectigo_form_get(form, name);
    return !value || !*value;
}

void peer_login(struct sandbox *sandbox, struct MHD_Connection *connection, struct sectigo_form *form)
{
    const union MHD_ConnectionInfo *info =
        sandbox->options.client_ca ? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION) : NULL;
    const char *given;
    const struct account *account;
    char name[65];
    if (!info || !certified_name(info->tls_session, name, sizeof name))
        return;
    account = sandbox_account(sandbox, name);
    if (!account)
        return;
    if (lacks(form, "loginName"))
        sectigo_form_add(form, "loginName", name);
    given = sectigo_form_get(form, "loginName");
    if (given && strcmp(given, name) == 0 && lacks(form, "loginPassword"))
        sectigo_form_add_secret(form, "loginPassword", account->login->password);
}

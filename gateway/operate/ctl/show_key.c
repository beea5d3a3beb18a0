#include "gateway/operate/ctl/show_key.h"

#include <stdio.h>

#include "gateway/operate/ctl/show.h"

static void show_kubernetes(const char *id, const char *hmac, const char *directory)
{
    printf("cert-manager:\n\n"
           "apiVersion: v1\n"
           "kind: Secret\n"
           "metadata: {name: acmegate-eab, namespace: cert-manager}\n"
           "stringData: {secret: \"%s\"}\n"
           "---\n"
           "apiVersion: cert-manager.io/v1\n"
           "kind: ClusterIssuer\n"
           "metadata: {name: acmegate}\n"
           "spec:\n"
           "  acme:\n"
           "    server: %s\n"
           "    privateKeySecretRef: {name: acmegate-account}\n"
           "    externalAccountBinding:\n"
           "      keyID: \"%s\"\n"
           "      keySecretRef: {name: acmegate-eab, key: secret}\n"
           "    solvers: [{http01: {ingress: {}}}]\n",
           hmac, directory, id);
}

void show_key(const json_t *key)
{
    const char *id = json_string_value(json_object_get(key, "id"));
    const char *hmac = json_string_value(json_object_get(key, "hmac_key"));
    const char *directory = json_string_value(json_object_get(key, "directory"));
    show_object(key);
    printf("\nThe HMAC key is shown this once. What to give to clients:\n\n"
           "certbot:\n  certbot register --agree-tos --no-eff-email -m you@example.org --server %s --eab-kid %s "
           "--eab-hmac-key %s\n\n"
           "lego:\n  lego --server %s --accept-tos --email you@example.org --eab --kid %s --hmac %s --http "
           "--domains NAME run\n\n"
           "acme.sh:\n  acme.sh --register-account -m you@example.org --server %s --eab-kid %s --eab-hmac-key %s\n\n",
           directory, id, hmac, directory, id, hmac, directory, id, hmac);
    show_kubernetes(id, hmac, directory);
}

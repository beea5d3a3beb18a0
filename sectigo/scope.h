/* scope: which orders a parameter is for, and which need it (reference 1 and 4). Internal to sectigo/. Static data. */
#ifndef SECTIGO_SCOPE_H
#define SECTIGO_SCOPE_H

#include "sectigo/parameter.h"

extern const struct sectigo_scope sectigo_for_every;
extern const struct sectigo_scope sectigo_for_ssl;
extern const struct sectigo_scope sectigo_for_certificate;
extern const struct sectigo_scope sectigo_for_subject;
extern const struct sectigo_scope sectigo_for_organization;
extern const struct sectigo_scope sectigo_for_extended;
extern const struct sectigo_scope sectigo_for_guardian;
extern const struct sectigo_scope sectigo_for_guardian_pack;
extern const struct sectigo_scope sectigo_for_hackerproof;
extern const struct sectigo_scope sectigo_for_pack;
extern const struct sectigo_scope sectigo_for_trustlogo;
extern const struct sectigo_scope sectigo_for_signing;
extern const struct sectigo_scope sectigo_for_shipping;
extern const struct sectigo_scope sectigo_for_licence;
extern const struct sectigo_scope sectigo_for_contact;
extern const struct sectigo_scope sectigo_for_term;
extern const struct sectigo_scope sectigo_for_company;
extern const struct sectigo_scope sectigo_for_account;
extern const struct sectigo_scope sectigo_for_account_password;
extern const struct sectigo_scope sectigo_for_sitelock;
extern const struct sectigo_scope sectigo_for_site;
extern const struct sectigo_scope sectigo_for_addon_alone;
extern const struct sectigo_scope sectigo_for_no_organization;
extern const struct sectigo_scope sectigo_for_no_street;
extern const struct sectigo_scope sectigo_for_no_locality;
extern const struct sectigo_scope sectigo_for_no_state;
extern const struct sectigo_scope sectigo_for_no_postal_code;
extern const struct sectigo_scope sectigo_for_no_country;
extern const struct sectigo_scope sectigo_for_no_names;
extern const struct sectigo_scope sectigo_for_by_email;
extern const struct sectigo_scope sectigo_for_by_tokens;
extern const struct sectigo_scope sectigo_for_one_common_name;
extern const struct sectigo_scope sectigo_for_callback;
extern const struct sectigo_scope sectigo_for_telephone_callback;

#endif

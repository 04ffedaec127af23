/* The long names that OAuth and CIBA give to things. */
#ifndef OAUTH_H
#define OAUTH_H

#define OAUTH_ASSERTION_TYPE                                                                       \
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" /* RFC 7523, section 2.2 */
#define OAUTH_GRANT_CIBA "urn:openid:params:grant-type:ciba" /* CIBA Core 1.0, section 10.1 */
#define OAUTH_CLAIM_AUTH_REQ_ID                                                                    \
    "urn:openid:params:jwt:claim:auth_req_id" /* CIBA Core 1.0, section 10.3.1 */

#endif

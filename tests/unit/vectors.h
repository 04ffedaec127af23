/* Keys and signatures that others published or made. */
#ifndef VECTORS_H
#define VECTORS_H

/* RFC 7515, appendix A.3. */
#define RFC7515_A3_KEY                                                                             \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define RFC7515_A3_JWS                                                                             \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"  \
    "NvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApm"  \
    "WQxfKTUJqPP3-Kg6NU1Q"

/* RFC 7515, appendix A.2. */
#define RFC7515_A2_KEY                                                                             \
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Va" \
    "w-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg" \
    "0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5Z" \
    "wKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"  \
    "\",\"e\":\"AQAB\"}"
#define RFC7515_A2_JWS                                                                             \
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"  \
    "NvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AA"  \
    "uHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75"  \
    "vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf"  \
    "I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe7"  \
    "7Rw"

/* RFC 8292, section 2.4: the header's value, with the token and the key that it is of. */
#define RFC8292_AUTHORIZATION                                                                      \
    "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiL"   \
    "CJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9"   \
    "GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nG"   \
    "xAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"

/* RFC 7638, section 3.1, with the members that do not count. */
#define RFC7638_KEY                                                                                \
    "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1" \
    "RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h" \
    "4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLy" \
    "rdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"  \
    "\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}"
#define RFC7638_THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

/* RFC 8037, appendices A.2 and A.3; the JWS, over an object, is pyca/cryptography's. */
#define RFC8037_KEY                                                                                \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define RFC8037_THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define EDDSA_JWS                                                                                  \
    "eyJhbGciOiAiRWREU0EifQ.eyJpc3MiOiJqb2UifQ.maPVMCtQmwOF_VRKobLj0SgZRLworTb4l05qfvNqMddV4nynA"  \
    "-XmyVGBuI_8Qs8j3ZkCZSXs2624sCtjeIHgCQ"

/* Made by pyca/cryptography. The second has a salt of 20 bytes, RFC 7518 wants 32. */
#define PS256_KEY                                                                                  \
    "{\"kty\":\"RSA\",\"n\":\"jhHMAIJoHZquoaufr5WLCHURQD0PLPhrAPMFIA5S8VfBCUQBv-FwU7DRYr0iWQIApe3" \
    "B3XDqxvIsHzrvVAYD7GQc5XZmzrKy4i0bH5WWThViAzPupBKHmomTAXYEFAcsZti9aICBk5o0reJGbL3TZIr0p9_LNbb" \
    "JLaQKWDjkYBCQKFw_NKt05i7m-HrX9RjUeJLXGZGHYO0jBOfDDtQmZeNl8SKsScHcsXNX33Fiwx7iveBpOuZlserDFkI" \
    "Rh_BQeDDxItgijMFzsDM3NkCttK6bCjTdc2nkMuZX3YoZ8MWDrFJEHgE0T1IeTNCFl6IXCBHchLl3diSTpk_j8O0_wQ"  \
    "\",\"e\":\"AQAB\"}"
#define PS256_JWS                                                                                  \
    "eyJhbGciOiAiUFMyNTYifQ.eyJpc3MiOiJqb2UifQ.ekk2AcZu87iFQNRqcIPMrlg628Turus1J0l3ru2VN-5zciJ6B"  \
    "NE1I8fn9zMzUJf908KHa3uaBnsqWpkYjLYsim1RnHVyt40RExy12ei22OSE32wPvd5bK9s-eyMwX1gsZNJKd-a5kIwz"  \
    "Z7-4JaSESJa6NK5tn1Bl9NnVZJaqKHVG8J0V8Jpo5zpIXBek3j4v2pZFNsPYsvjy4eGCyq45fx58AU4HNUok7GQODZj"  \
    "DWU2vwNjRohnKn9xUG07_7EEvusAgligHVaT3GtZtNyo-n8BE2oKl-lCrHjK5V4t4ASRow5y0nJTgS1oFqSKGrHg5DU"  \
    "MR6M8Gl5unLOeL-rmhwQ"
#define PS256_SHORT_SALT_JWS                                                                       \
    "eyJhbGciOiAiUFMyNTYifQ.eyJpc3MiOiJqb2UifQ.bEt32Y68Ztqhouo5PD1Jxkh5cUwfSbMnrY9yD0shX_H9YHdm2"  \
    "d65UFlZj6AMHHtQ0zrAi1n0ug9PHUEVMHpXgkBsGp8eUu5hOXMCpSDTBP6CMFakHvFx9xobLiwq5OBdMnTd7Rs_KvAh"  \
    "yDM8i-fvC0XKzTWl4RrWuNdphvRs7SacHcLoIrdn73sld4T0eHSgvAtY5vcTuQXuCPFmZr638TLB66xfofOZXsJ87Tt"  \
    "4XZ2cQ0v4HUVkY2OXT6kHuC2z7KqoXB1naAXiUNB-fp2ql0vQ_XfKyzkW7sU9eNpPRpTnrvyt4pX2f1VwhSd8bNgdM_"  \
    "TAQPv_CoR1G1bgwryatw"
#define RSA_1024_KEY                                                                               \
    "{\"kty\":\"RSA\",\"n\":\"tmqmBHxqov68JmLcaYf-pla3e52PLmwVM_xFDvhXf7l890Z9vvpzl2XJbhgaZDiejVA" \
    "u5_YDB4Ydov_3gg7gLtKPC2ntyax7AoWM03xisYi1t2LgQmPUeACIJjqYF4IDhQGEB8Smpor5fIS5Wpr5YpU8WX5yMa6" \
    "hEai2f1D5zk8\",\"e\":\"AQAB\"}"

/* Private keys for tests only: SEC 1, the same with a password, and one on another curve. */
#define P256_SEC1_PEM                                                                              \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                             \
    "MHcCAQEEIObo2NloZ3QNnCANSxejUKYJAu3l+Bh/f1Fn/mZde/cIoAoGCCqGSM49\n"                           \
    "AwEHoUQDQgAEwc/l1NMqxP3j7Z9HmoIYY8fkvHNxjQWSgoPx20GjQAUhpatmDEY9\n"                           \
    "uh0feg8ezCX9EaeNpusityJRXk1nCttgfQ==\n"                                                       \
    "-----END EC PRIVATE KEY-----\n"
#define P256_ENCRYPTED_PEM                                                                         \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                                                      \
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiLqOp7p+HYugICCAAw\n"                           \
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEED/MllrjaNoPn3bvj1KnS98EgZDc\n"                           \
    "0IrD4hRJH7oAdzjSMxJa6ZVqU9uIu0ZEyf/qeIb4X98ffLeLXJBGlurezoS8sv7d\n"                           \
    "xU0eYo/OhiCoeTFIUhb2Rsmut/StqoacN2cG3QvQdH4+KI4nvQZh3dHVkiYo6f12\n"                           \
    "ikehvnqZOlx5/0FinQsANGqstxZs8viMDlFQAFBJjp/nkMWJNi7h0wrc/Bew12I=\n"                           \
    "-----END ENCRYPTED PRIVATE KEY-----\n"
#define P384_PEM                                                                                   \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDrdLqET4EHUvJavWob\n"                           \
    "QHQEd0b9LuVVeAfA+g0cJGbe/M1lg+prPEbwfMYRcCdXnhShZANiAATxUis+RL6Q\n"                           \
    "G4MHaLVxoSzJPAFOfXJKaMKAHl9Zi4kujKuqHNBxd6Furz3YFUVzu2LuXIlg6B5U\n"                           \
    "qc2odONzZyXvxeiZxuZLUb0S4xVz7Ux4WWDmWq2ra3p87fgSRpOO178=\n"                                   \
    "-----END PRIVATE KEY-----\n"

#endif

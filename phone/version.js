/* MAJOR.MINOR, compared with server.conf's `minimum`. */
export const version = '1.0';

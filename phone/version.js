/* The app's version, MAJOR.MINOR: what server.conf's `minimum` is compared with. */
export const version = '1.0';

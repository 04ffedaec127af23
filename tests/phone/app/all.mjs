/* All tests of the app, in one process with one browser, in this order: enrolment leaves alice's phone, which the others use. */
import './enrolment.mjs';
import './request.mjs';
import './notification.mjs';
import './device.mjs';
import './shell.mjs';

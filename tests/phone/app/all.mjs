/* All tests of the app, in one process with one browser, in this order: enrolment leaves alice's phone, which the others use; update leaves newer files on the server. */
import './enrolment.mjs';
import './setting_up.mjs';
import './request.mjs';
import './sudo.mjs';
import './notification.mjs';
import './device.mjs';
import './shell.mjs';
import './states.mjs';
import './install.mjs';
import './update.mjs';

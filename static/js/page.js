// What every page does beyond its forms. All of it is a comfort: without JavaScript each page still works.
import { checkAddresses } from "./page/address_check.js";
import { offerCopying } from "./page/copying.js";
import { askBeforeSubmitting } from "./page/confirmation.js";
import { showLocalTimes } from "./page/local_time.js";
import { startIdleTimer } from "./page/idle_timer.js";
import { offerShowing } from "./page/password_field.js";
import { countDownWaits } from "./page/wait.js";

offerCopying();
offerShowing();
askBeforeSubmitting();
showLocalTimes();
countDownWaits();
checkAddresses();

// After a refused form: the list of what to mend, which links to its fields.
document.querySelector("[data-error-summary]")?.focus();

const minutes = Number(document.body.dataset.activityTimeoutMinutes);
if (minutes > 0) startIdleTimer(minutes);

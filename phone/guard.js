/* A press counts only where it began after the button could be seen for a moment. */

const MOMENT = 800; /* ms */

/* fieldset holds the buttons. Returns { arm (begin again), release (give up listening) }. */
export function guard(fieldset) {
	let timer;
	let armed = Infinity;
	let pressed = 0;

	function arm() {
		clearTimeout(timer);
		fieldset.disabled = true;
		armed = Infinity;
		timer = setTimeout(() => {
			armed = performance.now();
			fieldset.disabled = false;
		}, MOMENT);
	}

	const press = (event) => (pressed = event.timeStamp);
	const back = () => document.visibilityState === 'visible' && arm();
	const sift = (event) => {
		if (event.detail === 0 || pressed >= armed) return;
		event.preventDefault();
		event.stopPropagation();
	};

	document.addEventListener('pointerdown', press, true);
	document.addEventListener('visibilitychange', back);
	fieldset.addEventListener('click', sift, true);
	arm();
	return {
		arm,
		release() {
			clearTimeout(timer);
			document.removeEventListener('pointerdown', press, true);
			document.removeEventListener('visibilitychange', back);
		},
	};
}

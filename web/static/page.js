// Comfort only: every page works without it.

// A second click changes nothing (each form has a key of its own), but should not look as if it did.
const forms = document.querySelectorAll('form[method=post]');
const mark = (form, sent) => {
  form.dataset.sent = sent;
  for (const button of form.querySelectorAll('button')) button.setAttribute('aria-disabled', Boolean(sent));
};
for (const form of forms) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    mark(form, 'yes');
  });
}
// Back from another page, a form can be sent again.
addEventListener('pageshow', (event) => event.persisted && forms.forEach((form) => mark(form, '')));

// Before a session ends, the page says so. The server knows when: in seconds, with ";last" if it cannot be prolonged.
const notice = document.querySelector('[data-session]');
if (notice) {
  const minutes = 60000;
  const main = document.querySelector('main');
  const isForm = main.querySelector('input:not([type=hidden])');
  const others = new BroadcastChannel('session');
  let ends, isLast, shown, timer, before, asked = Date.now();

  const say = (name) => {
    const text = document.getElementById(`session-${name}`);
    if (name !== shown) notice.replaceChildren(text?.content.cloneNode(true) ?? '');
    shown = name;
  };
  const look = () => {
    const left = ends - Date.now();
    clearTimeout(timer);
    if (shown === 'ended' && !isForm) return;
    timer = setTimeout(look, 10000);
    say(left <= 0 ? 'ended' : left > 5 * minutes ? '' : isLast ? 'last' : 'ends');
    // What was typed stays. What is stored does not stay on a telephone that others use.
    if (left <= 0 && !isForm) main.replaceChildren(main.querySelector('h1'));
  };
  const know = (left) => {
    ends = Date.now() + 1000 * parseInt(left);
    isLast = left.includes('last');
    look();
  };
  const prolong = async () => {
    asked = Date.now();
    const answer = await fetch('/', { method: 'HEAD' }).catch(() => {});
    if (!answer?.ok) return;
    const left = answer.headers.get('session-seconds') ?? '0';
    know(left);
    others.postMessage(left);
  };

  others.onmessage = (event) => know(event.data);
  others.postMessage(notice.dataset.session);
  know(notice.dataset.session);
  document.onvisibilitychange = look;
  main.addEventListener('focusin', (event) => before = event.target);
  notice.onclick = async (event) => {
    if (!event.target.matches('button')) return;
    await prolong();
    if (shown === 'ends') return;
    if (!shown) say('prolonged');
    (before?.isConnected ? before : main).focus({ preventScroll: !before });
  };
  // Whoever is filling in a form is still there.
  main.oninput = () => {
    if (Date.now() - asked > (shown ? 0.1 : 10) * minutes) prolong();
  };
}

// While something is waited for, the page asks again, unless somebody is using it.
const waiting = document.querySelector('[data-refresh]');
if (waiting) {
  setTimeout(() => {
    if (!document.activeElement || document.activeElement === document.body) location.reload();
  }, 1000 * Number(waiting.dataset.refresh));
}

// Where it is switched on, Kakao's own search fills in the address. Its script is fetched when asked for.
const finder = document.querySelector('[data-postcode]');
if (finder) {
  finder.hidden = false;
  finder.addEventListener('click', () => {
    const frame = finder.parentElement.appendChild(document.createElement('div'));
    const script = document.createElement('script');
    script.src = finder.dataset.postcode;
    script.onload = () => {
      const oncomplete = (found) => {
        document.getElementById('roadAddress').value = found.roadAddress || found.jibunAddress;
        document.getElementById('detailAddress').focus();
        frame.remove();
      };
      new window.daum.Postcode({ oncomplete }).embed(frame);
    };
    // Without it, the address is typed.
    script.onerror = () => frame.remove();
    document.head.append(script);
  });
}

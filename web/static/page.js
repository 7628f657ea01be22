// Comfort only: every page works without it.

// A second click changes nothing (each form has a key of its own), but it should not look as if it did.
for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = 'yes';
    for (const button of form.querySelectorAll('button')) button.setAttribute('aria-disabled', 'true');
  });
}

// Back from another page, a form can be sent again.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll('form[data-sent]')) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('button')) button.removeAttribute('aria-disabled');
  }
});

// Whoever is filling in a form is still there: each visit prolongs the session.
const minutes = 10;
let visited = Date.now();
for (const form of document.querySelectorAll('main form[method=post]')) {
  form.addEventListener('input', () => {
    if (Date.now() - visited < minutes * 60000) return;
    visited = Date.now();
    fetch('/', { method: 'HEAD' }).catch(() => {});
  });
}

// While something is waited for, the page asks again, unless somebody is using it.
const waiting = document.querySelector('[data-refresh]');
if (waiting) {
  setTimeout(() => {
    if (!document.activeElement || document.activeElement === document.body) location.reload();
  }, 1000 * Number(waiting.dataset.refresh));
}

// Where it is switched on, Kakao's own search fills in the address. Its script is fetched when somebody asks for it.
const finder = document.querySelector('[data-postcode]');
if (finder) {
  finder.hidden = false;
  finder.addEventListener('click', () => {
    const frame = finder.parentElement.appendChild(document.createElement('div'));
    const script = document.createElement('script');
    script.src = finder.dataset.postcode;
    script.addEventListener('load', () => {
      const oncomplete = (found) => {
        document.getElementById('roadAddress').value = found.roadAddress || found.jibunAddress;
        document.getElementById('detailAddress').focus();
        frame.remove();
      };
      new window.daum.Postcode({ oncomplete }).embed(frame);
    });
    // Without it, the address is typed.
    script.addEventListener('error', () => frame.remove());
    document.head.append(script);
  });
}

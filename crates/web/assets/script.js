// Renews what is on the page, and keeps the end of a log in view. Without it every page works, and stands still.
'use strict';

(() => {
  const periodOf = (page) => Number(page.body.dataset.refresh || 0);
  let period = periodOf(document);
  const main = document.getElementById('main');

  const tailOf = (root) => root.querySelector('[data-tail]');
  const toEnd = (box) => { if (box) box.scrollTop = box.scrollHeight; };
  const atEnd = (box) => box && box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  toEnd(tailOf(main));

  // A table wider than its place can be scrolled by keyboard.
  const reachable = () => {
    for (const box of document.querySelectorAll('.wide')) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute('tabindex');
    }
  };
  reachable();
  addEventListener('resize', reachable);

  if (!period) return;
  const button = document.querySelector('.live');
  const words = button.querySelector('.live-text');
  let live = sessionStorage.getItem('live') !== 'off';

  const say = (state, text) => {
    button.dataset.state = state;
    if (words.textContent !== text) words.textContent = text;
  };
  const show = () => {
    button.setAttribute('aria-pressed', String(live));
    say(live ? 'live' : 'paused', live ? 'Live' : 'Paused');
  };

  // Who types, selects or stands on something inside must not have it taken away.
  const inUse = () => {
    const active = document.activeElement;
    const selection = getSelection();
    const selected = selection && !selection.isCollapsed && main.contains(selection.anchorNode);
    return selected || (active !== main && main.contains(active) && !active.matches('[data-tail]'));
  };

  const renew = async () => {
    if (!live || document.hidden || inUse()) return;
    let page;
    try {
      const answer = await fetch(location.href, { cache: 'no-store', signal: AbortSignal.timeout(10000) });
      page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (!page.getElementById('main')) throw new Error('not a page of this server');
    } catch {
      say('away', 'No answer');
      return;
    }
    if (!live || inUse()) return;
    show();
    const fresh = page.getElementById('main');
    if (fresh.innerHTML !== main.innerHTML) {
      const before = tailOf(main);
      const followed = atEnd(before);
      const place = before ? before.scrollTop : 0;
      const focused = before && document.activeElement === before;
      main.replaceChildren(...fresh.childNodes);
      const after = tailOf(main);
      if (after) {
        if (followed) toEnd(after);
        else after.scrollTop = place;
        if (focused) after.focus({ preventScroll: true });
      }
      reachable();
    }
    const now = page.querySelector('.now');
    if (now) document.querySelector('.now').replaceWith(now);
    // What was loading may be another kind of page by now.
    period = periodOf(page);
    button.hidden = !period;
  };

  button.addEventListener('click', () => {
    live = !live;
    sessionStorage.setItem('live', live ? 'on' : 'off');
    show();
    if (live) renew();
  });
  button.hidden = false;
  show();
  const wait = () => { if (period) setTimeout(() => renew().then(wait), period); };
  wait();
})();

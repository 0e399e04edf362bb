// The list of deliveries: the stream, the filters, and the keys. Everything that comes from the
// server is put into the document as text, never as markup.

const at = id => document.getElementById(id);

// make returns an element with attributes and children; a child that is a string is text.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'onclick') element.addEventListener('click', value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

// The token comes in the URL's fragment. It is kept for a reload, and taken out of the address bar.
const token = (() => {
  const given = /^#([A-Z2-7]{20,})$/.exec(location.hash);
  if (given) {
    sessionStorage.setItem('token', given[1]);
    history.replaceState(null, '', '/');
  }
  return sessionStorage.getItem('token') || '';
})();

async function call(path, options = {}) {
  const headers = { Authorization: 'Bearer ' + token, ...options.headers };
  const answer = await fetch(path, { ...options, headers, cache: 'no-store' });
  if (!answer.ok) throw new Error((await answer.text()).trim() || 'status ' + answer.status);
  return answer;
}

const say = text => { at('said').textContent = text; };

const records = new Map(); // id -> { summary, item, link }
let version = 0;
let found = null; // ids that the server found for the search; null: there is none

// stream reads server-sent events by fetch, which can send the token.
async function stream() {
  const reader = (await call('/api/events?after=' + version)).body.pipeThrough(new TextDecoderStream()).getReader();
  at('connection').textContent = 'live';
  at('connection').className = 'live';
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (text + value).split('\n\n');
    text = events.pop();
    const changed = events.filter(event => event.startsWith('data: ')).map(event => JSON.parse(event.slice(6)));
    if (changed.length) {
      changed.forEach(put);
      listFilters();
      applyFilters();
      if (at('search').value) search();
      if (changed.some(summary => summary.id === chosen)) showDetail();
    }
  }
}

async function follow() {
  for (let wait = 500; ; wait = Math.min(2 * wait, 10000)) {
    const since = Date.now();
    try {
      await stream();
      throw new Error('the stream ended');
    } catch (error) {
      at('connection').textContent = token ? 'not connected: ' + error.message : 'open the page by the URL that was printed: it has the token';
      at('connection').className = 'lost';
    }
    if (Date.now() - since > 10000) wait = 500;
    await new Promise(done => setTimeout(done, wait));
  }
}

const clock = time => new Date(time).toLocaleTimeString([], { hour12: false }) + '.' + String(new Date(time).getMilliseconds()).padStart(3, '0');

// put shows a record's summary in the list, the newest first.
function put(summary) {
  version = Math.max(version, summary.version);
  let record = records.get(summary.id);
  if (!record) {
    record = { item: make('li') };
    record.link = make('a', { href: '#r' + summary.id });
    record.item.append(record.link);
    records.set(summary.id, record);
    at('list').insertBefore(record.item, firstOlder(summary.at));
  }
  record.summary = summary;
  const handler = summary.attempts ? (summary.handled ? ', handled' : ', not handled') + ' in ' + summary.attempts : '';
  record.link.replaceChildren(
    make('span', { class: 'type' }, summary.type || '(no type)'),
    make('span', { class: 'dim' }, clock(summary.at)),
    make('span', { class: 'what' }, [summary.tenant, summary.subject, summary.webhook_id].filter(Boolean).join(' · ')),
    make('span', { class: summary.standing.replace(' ', '-') }, (summary.status ? summary.status + ' ' : '') + (summary.outcome || summary.standing) +
      (summary.marked ? ', marked' : '') + handler));
}

function firstOlder(time) {
  for (const item of at('list').children) {
    const record = records.get(item.firstChild.hash.slice(2));
    if (record && record.summary && record.summary.at < time) return item;
  }
  return null;
}

// listFilters offers the types and tenants that there are.
function listFilters() {
  for (const name of ['type', 'tenant']) {
    const select = at(name);
    const offered = new Set([...select.options].map(option => option.value));
    for (const { summary } of records.values()) {
      if (summary[name] && !offered.has(summary[name])) {
        offered.add(summary[name]);
        select.append(make('option', { value: summary[name] }, summary[name]));
      }
    }
  }
}

function applyFilters() {
  let shown = 0;
  for (const [id, { summary, item }] of records) {
    const wanted = (!found || found.has(id)) && ['standing', 'type', 'tenant'].every(name => !at(name).value || summary[name] === at(name).value);
    item.hidden = !wanted;
    shown += wanted;
  }
  at('empty').hidden = shown > 0;
  at('empty').textContent = records.size ? 'No delivery matches.' : 'Nothing has come in yet.';
  at('count').textContent = shown === records.size ? shown + (shown === 1 ? ' delivery' : ' deliveries') : shown + ' of ' + records.size;
}

// search asks the server, which looks into bodies and headers too.
async function search() {
  const wanted = at('search').value;
  try {
    const ids = wanted ? new Set(await (await call('/api/search?q=' + encodeURIComponent(wanted))).json()) : null;
    if (wanted === at('search').value) found = ids;
    applyFilters();
  } catch (error) {
    say('The search failed: ' + error.message);
  }
}

let searching;
at('search').addEventListener('input', () => { clearTimeout(searching); searching = setTimeout(search, 150); });
for (const name of ['standing', 'type', 'tenant']) at(name).addEventListener('change', applyFilters);
at('filters').addEventListener('submit', event => event.preventDefault());
at('clear').addEventListener('click', () => {
  for (const name of ['search', 'standing', 'type', 'tenant']) at(name).value = '';
  found = null;
  applyFilters();
});

// step goes to the next delivery that is shown, or the one before.
function step(by) {
  const links = [...at('list').children].filter(item => !item.hidden).map(item => item.firstChild);
  if (!links.length) return;
  const now = links.findIndex(link => link === document.activeElement || link.hash === '#r' + chosen);
  const next = links[now < 0 ? 0 : Math.min(Math.max(now + by, 0), links.length - 1)];
  choose(next.hash.slice(2));
  next.focus();
}

const keys = {
  j: () => step(1), k: () => step(-1), '/': () => at('search').focus(), '?': () => at('help').showModal(),
  r: () => sendAgain(), e: () => openEdit(), c: () => copyCurl(),
};

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const typing = event.target.matches('input, select, textarea');
  if (event.key === 'Escape') {
    back();
  } else if (!typing && (event.key === 'ArrowDown' || event.key === 'ArrowUp') && event.target.closest('#list')) {
    step(event.key === 'ArrowDown' ? 1 : -1);
  } else if (!typing && keys[event.key] && at('keys-on').checked) {
    keys[event.key]();
  } else {
    return;
  }
  event.preventDefault();
});
at('help-open').addEventListener('click', () => at('help').showModal());

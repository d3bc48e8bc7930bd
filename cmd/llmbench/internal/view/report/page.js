'use strict';
{
  const tip = document.getElementById('tip'), all = (e, q) => [...e.querySelectorAll(q)];
  const add = (e, to, attributes, text = '') => {
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    e.textContent = text;
    to.append(e);
    return e;
  };
  const svg = (name, to, attributes, text) => add(document.createElementNS('http://www.w3.org/2000/svg', name), to, attributes, text);
  const figure = v => v < 1000 ? String(+v.toPrecision(3)) : Math.round(v).toLocaleString('en');
  const html = (name, to, text, attributes) => add(document.createElement(name), to, attributes, text);

  // What is pointed at or has the focus is told beside it.
  let pointed = null;
  const tell = e => {
    const text = e && e.dataset.tip;
    pointed = e;
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const at = e.getBoundingClientRect(), box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(at.right + 8, document.documentElement.clientWidth - box.width - 4)) + 'px';
    tip.style.top = Math.max(4, at.top - box.height - 6 < 4 ? at.bottom + 6 : at.top - box.height - 6) + 'px';
  };
  const told = e => e.target.closest ? e.target.closest('[data-tip]') : null;
  for (const type of ['mouseover', 'focusin', 'click']) addEventListener(type, e => tell(told(e)));
  addEventListener('focusout', () => tell(null));
  addEventListener('scroll', () => tell(pointed), true);
  addEventListener('keydown', e => {
    if (e.key === 'Escape') tell(null);
    const p = told(e), step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
    if (!p || !step) return;
    e.preventDefault();
    const points = all(p.closest('svg, table'), '[data-tip]').filter(q => !q.classList.contains('off'));
    const next = points[points.indexOf(p) + step];
    if (next) { p.tabIndex = -1; next.tabIndex = 0; next.focus(); }
  });

  for (const part of all(document, '.part')) {
    const { axes, runs, like, curves } = JSON.parse(part.querySelector('.filter').textContent);
    const of = runs.map(() => []); // the elements of each run
    for (const e of all(part, '[data-r]')) of[e.dataset.r].push(e);

    // Points of histories tell the line of the data that they are of.
    for (const f of all(part, '.history')) {
      const lines = decodeURIComponent(f.querySelector('[download]').href).split('\n').slice(1, -1);
      const ys = f.querySelector('.front').getAttribute('d').split(' ').filter((_, i) => i % 2);
      lines.forEach((line, i) => {
        const [date, commit, value, , high, n, step, ...changes] = line.split(',');
        const half = high && ` ± ${(100 * (high / value - 1)).toFixed(1)} %`;
        svg('title', svg('circle', f.querySelector('svg'), { class: 'pt', cx: (i / (lines.length - 1) + .1) / .012 + '%', cy: ys[i] + '%', r: 7 }), {}, [
          date + (commit === '-' ? '' : ', ' + commit), `${figure(+value)}${half} output tok/s/GPU, samples: ${n}`,
          step && (step < 0 ? '▼ ' : '▲ +') + (+step).toFixed(1) + ' %', changes.join(',').replaceAll('"', ''),
        ].filter(line => line).join('\n'));
      });
    }

    // Points tell their title, cells of a heat map that of their point.
    const tips = {};
    for (const p of all(part, '.pt')) {
      const title = p.querySelector('title');
      p.dataset.tip = title.textContent;
      p.setAttribute('aria-label', title.textContent.replaceAll('\n', ', '));
      p.setAttribute('role', 'img');
      p.tabIndex = -1;
      title.remove();
      if (p.dataset.r) tips[p.dataset.r] = p.dataset.tip;
    }
    for (const c of all(part, '.heat [data-r]')) if (tips[c.dataset.r]) { c.dataset.tip = tips[c.dataset.r]; c.tabIndex = -1; }
    for (const e of all(part, '.area > svg, .heat')) { const first = e.querySelector('[data-tip]'); if (first) first.tabIndex = 0; }

    // The filter: of each axis the values that are pressed, all where none is.
    const values = axes.map((_, i) => [...new Set(runs.map(r => r[i]))].filter(v => v !== ''));
    const pressed = axes.map(() => new Set());
    const box = document.createElement('details');
    box.className = 'filter';
    const head = html('summary', box, 'Filter');
    const bar = html('div', box, '');
    const search = html('input', bar, '', { type: 'search', placeholder: 'part of a run’s name' });
    const names = all(part, '.runs tbody th').map(th => th.textContent.toLowerCase());
    axes.forEach((axis, i) => {
      if (values[i].length < 2) return;
      const set = html('fieldset', bar, '');
      html('legend', set, axis.replaceAll('_', ' '));
      for (const v of values[i]) html('button', set, v, { type: 'button', 'aria-pressed': 'false' }).onclick = e => {
        const on = pressed[i].delete(v) ? false : !!pressed[i].add(v);
        e.target.setAttribute('aria-pressed', on);
        filter();
      };
    });
    const clear = html('button', bar, 'Show all', { type: 'button' });
    clear.onclick = () => {
      pressed.forEach(s => s.clear());
      search.value = '';
      for (const b of all(bar, '[aria-pressed]')) b.setAttribute('aria-pressed', 'false');
      filter();
    };
    search.oninput = () => filter();
    box.open = innerWidth > 672 && runs.length > 1;
    part.querySelector('nav').after(box);

    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/);
      let shown = 0;
      runs.forEach((r, n) => {
        const on = axes.every((_, i) => !pressed[i].size || pressed[i].has(r[i])) && words.every(w => names[n].includes(w));
        shown += on;
        for (const e of of[n]) e.classList.toggle('off', !on);
      });
      head.textContent = shown === runs.length ? 'Filter' : `Filter: ${shown} of ${runs.length} runs`;
      all(part, '.pareto').forEach(f => frontier(f, shown === runs.length));
    };

    // The frontier of what is shown.
    const frontier = (figure, whole) => {
      const at = (p, a) => parseFloat(p.getAttribute('c' + a) || p.getAttribute(a));
      const points = all(figure, '.pt').filter(p => !p.classList.contains('off')).sort((p, q) => at(q, 'x') - at(p, 'x') || at(p, 'y') - at(q, 'y'));
      const best = [], ranked = new Set(points.map(p => like[p.dataset.r])).size < 2;
      figure.classList.toggle('unranked', !ranked);
      for (const p of points) {
        const on = ranked && (!best[0] || at(p, 'y') < at(best.at(-1), 'y'));
        p.classList.toggle('best', on);
        if (on) best.push(p);
      }
      figure.querySelector('.front').setAttribute('d', best.map((p, i) => `${i ? 'L' : 'M'}${at(p, 'x')} ${at(p, 'y')}`).join(''));
      for (const g of all(figure, '.names, .path')) g.classList.toggle('off', !whole);
      figure.querySelector('.chosen')?.remove();
      if (whole) return;
      const chosen = svg('g', figure.querySelector('svg'), { class: 'names chosen', 'aria-hidden': 'true' });
      const vary = axes.map((a, i) => i).filter(i => axes[i] !== 'verdict' && new Set(best.map(p => runs[p.dataset.r][i])).size > 1);
      const taken = points.map(p => p.getBoundingClientRect()), within = figure.querySelector('.area').getBoundingClientRect();
      for (const p of best) {
        const text = svg('text', chosen, { x: at(p, 'x') + '%', y: at(p, 'y') + '%' }, vary.map(i => runs[p.dataset.r][i]).join(' '));
        const fits = [[8, -5, ''], [-8, 14, 'end'], [8, 14, ''], [-8, -5, 'end']].some(([dx, dy, side]) => {
          text.setAttribute('dx', dx); text.setAttribute('dy', dy); text.setAttribute('class', side);
          const b = text.getBoundingClientRect();
          return b.left >= within.left && b.right <= within.right && b.top >= within.top && b.bottom <= within.bottom &&
            !taken.some(t => t.left < b.right && b.left < t.right && t.top < b.bottom && b.top < t.bottom);
        });
        if (fits) taken.push(text.getBoundingClientRect()); else text.remove();
      }
    };

    // A click on a head sorts; the runs also by each axis.
    const table = part.querySelector('.runs'), heads = [...table.tHead.rows[0].cells], order = new Intl.Collator(undefined, { numeric: true });
    const sorter = (th, label, key, down) => {
      const b = html('button', th, label, { type: 'button' });
      b.onclick = () => {
        const dir = b.dataset.dir = b.dataset.dir ? -b.dataset.dir : down ? -1 : 1;
        for (const o of all(table.tHead, 'button')) if (o !== b) delete o.dataset.dir;
        for (const h of heads) h.removeAttribute('aria-sort');
        th.setAttribute('aria-sort', dir > 0 ? 'ascending' : 'descending');
        table.tBodies[0].append(...[...table.rows].slice(1).map(tr => [key(tr), tr]).sort(([a], [b]) => {
          if (typeof a !== 'number') return dir * order.compare(a, b);
          return isNaN(a) || isNaN(b) ? isNaN(a) - isNaN(b) : dir * (a - b);
        }).map(([, tr]) => tr));
      };
    };
    heads.forEach((th, n) => {
      const label = th.textContent, figure = !th.classList.contains('l');
      th.textContent = '';
      sorter(th, label, tr => figure ? parseFloat(tr.cells[n].textContent.replace(/[^\d.e±-]/g, '')) : tr.cells[n].textContent, figure);
      if (n === 0) axes.forEach((axis, i) => { if (axis !== 'verdict') sorter(th, axis.replaceAll('_', ' '), tr => runs[tr.dataset.r][i]); });
    });

    // The courses of a run are drawn when it is unfolded: seconds, steady window, step, and
    // for each curve its title, its greatest value, and shares of it in digits of base 62.
    const draw = run => run.dataset.courses.split('/').forEach(course => {
      const [seconds, from, to, step, ...list] = course.split(' ');
      while (list.length) {
        const [title, most, values] = list.splice(0, 3);
        const box = html('figure', run, '', { class: 'course' }), of = 1000 / seconds;
        html('figcaption', box, curves[title]);
        const plot = svg('svg', box, { viewBox: '0 0 1000 100', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${curves[title]} over ${figure(+seconds)} s, at most ${figure(+most)}` });
        svg('rect', plot, { x: of * from, width: of * (to - from), height: 100 });
        let path = '', pen = 'M';
        [...values].forEach((v, i) => {
          if (v === '.') { pen = 'M'; return; }
          path += `${pen}${(of * step * i).toFixed(1)} ${(100 - 98 / 61 * (parseInt(v, 36) + (v > '9' && v < 'a' ? 26 : 0))).toFixed(1)}`;
          if (pen === 'M' && (values[i + 1] || '.') === '.') path += 'h' + (of * step).toFixed(1); // seen where it stands alone
          pen = 'L';
        });
        svg('path', plot, { d: path });
        html('p', box, `0 to ${figure(+most)}, over ${figure(+seconds)} s; ${to > 0 ? 'the steady window is shaded' : 'never steady'}`, { class: 'unit' });
      }
    });
    for (const run of all(part, '[data-courses]')) run.addEventListener('toggle', () => draw(run), { once: true });
  }

  // What is folded away and linked to is unfolded, and a hint stands where a table goes on.
  const unfold = () => { const e = location.hash && document.getElementById(location.hash.slice(1)); if (e && e.tagName === 'DETAILS') e.open = true; };
  const hints = new ResizeObserver(list => { for (const { target: w } of list) w.previousElementSibling.classList.toggle('off', w.scrollWidth <= w.clientWidth + 1); });
  for (const w of all(document, '.wide')) hints.observe(w);
  document.documentElement.classList.add('script');
  addEventListener('hashchange', unfold);
  unfold();
}

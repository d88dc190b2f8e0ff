/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A row whose first cell spans several columns belongs to the one above it. Strangers' text is only
 * read and compared: nothing is made markup of.
 */
#include "report/page/script.h"

#include "lib/codec/base64.h"
#include "lib/crypto/hash.h"

static const char script[] =
    "(function(){\"use strict\";"
    "function groups(body){var list=[];"
    "Array.prototype.forEach.call(body.rows,function(row){"
    "if(row.cells[0].colSpan>1&&list.length)list[list.length-1].push(row);else "
    "list.push([row]);});"
    "return list;}"
    "function key(row,i){var cell=row.cells[i];if(!cell)return \"\";"
    "var text=cell.textContent.trim();"
    "if(!cell.classList.contains(\"n\"))return text.toLowerCase();"
    "var number=parseFloat(text);return isNaN(number)?-1:number;}"
    "function sort(table,i){var "
    "body=table.tBodies[0],heads=table.tHead.rows[0].cells,head=heads[i];"
    "var before=head.getAttribute(\"aria-sort\"),number=head.classList.contains(\"n\");"
    "var up=before?before===\"descending\":!number;"
    "var list=groups(body).map(function(group){return{rows:group,key:key(group[0],i)};});"
    "list.sort(function(a,b){var order=a.key<b.key?-1:a.key>b.key?1:0;return up?order:-order;});"
    "list.forEach(function(one){one.rows.forEach(function(row){body.appendChild(row);});});"
    "Array.prototype.forEach.call(heads,function(other){other.removeAttribute(\"aria-sort\");});"
    "head.setAttribute(\"aria-sort\",up?\"ascending\":\"descending\");}"
    "function filter(table,text){text=text.toLowerCase();"
    "groups(table.tBodies[0]).forEach(function(group){"
    "var shown=group.some(function(row){return row.textContent.toLowerCase().indexOf(text)>=0;});"
    "group.forEach(function(row){row.hidden=!shown;});});}"
    "function prepare(table){if(!table.tHead||table.tBodies[0].rows.length<2)return;"
    "Array.prototype.forEach.call(table.tHead.rows[0].cells,function(head,i){"
    "var button=document.createElement(\"button\");button.type=\"button\";"
    "button.textContent=head.textContent;head.textContent=\"\";head.appendChild(button);"
    "button.addEventListener(\"click\",function(){sort(table,i);});});"
    "if(table.tBodies[0].rows.length<8)return;"
    "var label=document.createElement(\"label\"),input=document.createElement(\"input\");"
    "label.className=\"filter\";input.type=\"search\";label.appendChild(document.createTextNode("
    "\"Filter \"));"
    "label.appendChild(input);table.parentNode.insertBefore(label,table);"
    "input.addEventListener(\"input\",function(){filter(table,input.value);});}"
    "Array.prototype.forEach.call(document.querySelectorAll(\"section.wide>table\"),prepare);})();";

void script_write(struct buf *to)
{
	buf_string(to, "<script>");
	buf_string(to, script);
	buf_string(to, "</script>");
}

void script_policy(struct buf *to, bool form)
{
	uint8_t digest[CRYPT_DIGEST_LEN];

	crypt_sha256(script, sizeof script - 1, digest);
	buf_string(to, "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-");
	base64_encode(to, digest, sizeof digest);
	buf_printf(to, "'; base-uri 'none'; form-action '%s'", form ? "self" : "none");
}

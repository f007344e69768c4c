/*
 * variants.c - characters that are the same in names: FK_VARIANTS_VERSION of the table.
 *
 * A row is a class, its first character the one that stands for it in the index. In it is what the
 * reform of 1946 changed the form of (国 國), what families and places write instead (高 髙, 崎 﨑,
 * 辺 邊 邉), and what printed type has two shapes of (頬 頰). Not in it: characters that are other
 * words as well (祗 and 祇, 園 and 薗), and simplified Chinese. Compatibility characters (﨎 aside)
 * are folded by NFKC before. Whoever adds to it counts the version up, and FK_TERMS_VERSION too.
 */
#include "indexer/text/variants.h"
#include "indexer/text/fold_priv.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static const char *const classes[] = {
    /* clang-format off */
    "亜亞", "悪惡", "圧壓", "囲圍", "医醫", "為爲", "壱壹", "隠隱", "栄榮", "営營", "衛衞",
    "駅驛", "円圓", "塩鹽", "縁緣", "艶艷", "応應", "欧歐", "殴毆", "桜櫻", "奥奧", "横橫",
    "温溫", "穏穩", "仮假", "価價", "画畫", "会會", "絵繪", "壊壞", "懐懷", "概槪", "拡擴",
    "殻殼", "覚覺", "学學", "岳嶽", "楽樂", "渇渴", "缶罐", "巻卷", "陥陷", "勧勸", "寛寬",
    "関關", "歓歡", "観觀", "既旣", "気氣", "帰歸", "亀龜", "偽僞", "戯戲戱", "犠犧", "旧舊",
    "拠據", "挙擧", "虚虛", "峡峽", "挟挾", "狭狹", "郷鄕鄉", "暁曉", "区區", "駆驅", "勲勳",
    "薫薰", "径徑", "茎莖", "恵惠", "掲揭", "渓溪谿", "経經", "蛍螢", "軽輕", "継繼", "鶏鷄雞",
    "芸藝", "撃擊", "欠缺", "研硏", "県縣", "倹儉", "剣劍劔剱", "険險", "圏圈", "検檢", "献獻",
    "権權", "顕顯", "験驗", "厳嚴", "広廣", "効效", "恒恆", "黄黃", "鉱鑛", "号號", "国國",
    "黒黑", "砕碎", "済濟", "斎齋齊斉", "剤劑", "雑雜", "参參", "桟棧", "蚕蠶", "惨慘", "賛贊",
    "残殘", "糸絲", "歯齒", "児兒", "辞辭", "湿濕", "実實", "写寫", "釈釋", "寿壽", "収收",
    "従從", "渋澁", "獣獸", "縦縱", "粛肅", "処處", "叙敍敘", "尚尙", "奨奬", "将將", "渉涉",
    "焼燒", "証證", "称稱", "条條", "状狀", "乗乘", "浄淨", "剰剩", "畳疊", "縄繩", "壌壤",
    "嬢孃", "譲讓", "醸釀", "触觸", "嘱囑", "寝寢", "慎愼", "真眞", "尽盡", "図圖", "粋粹",
    "酔醉", "穂穗", "随隨", "髄髓", "枢樞", "数數", "瀬瀨", "声聲", "静靜", "摂攝", "窃竊",
    "専專", "浅淺", "戦戰", "践踐", "銭錢", "潜潛", "繊纖", "禅禪", "双雙", "壮壯", "争爭",
    "荘莊", "捜搜", "挿插", "巣巢", "曽曾", "痩瘦", "装裝", "総總", "騒騷", "増增", "蔵藏",
    "臓臟", "即卽", "属屬", "続續", "堕墮", "対對", "体體", "帯帶", "滞滯", "台臺", "滝瀧",
    "択擇", "沢澤", "担擔", "単單", "胆膽", "団團", "断斷", "弾彈", "遅遲", "痴癡", "虫蟲",
    "昼晝", "鋳鑄", "庁廳", "徴徵", "聴聽", "勅敕", "鎮鎭", "逓遞", "鉄鐵銕", "点點", "転轉",
    "伝傳", "灯燈", "当當", "党黨", "盗盜", "稲稻", "闘鬪", "徳德", "独獨", "読讀", "届屆",
    "弐貳", "悩惱", "脳腦", "覇霸", "拝拜", "廃廢", "売賣", "麦麥", "発發", "髪髮", "抜拔",
    "晩晚", "蛮蠻", "秘祕", "浜濱濵", "瓶甁", "払拂", "仏佛", "併倂", "並竝", "餅餠", "辺邊邉",
    "変變", "弁辨辯瓣", "歩步", "宝寶寳", "豊豐", "褒襃", "翻飜", "毎每", "万萬", "満滿",
    "麺麵", "黙默", "弥彌", "訳譯", "薬藥", "与與", "予豫", "余餘", "誉譽", "揺搖", "様樣",
    "謡謠", "来來", "頼賴", "乱亂", "覧覽", "竜龍", "両兩", "猟獵", "緑綠", "涙淚泪", "塁壘",
    "礼禮", "励勵", "戻戾", "霊靈", "齢齡", "暦曆", "歴歷", "恋戀", "炉爐", "労勞", "楼樓",
    "録錄", "湾灣", "亘亙", "凛凜", "尭堯", "槙槇", "桧檜", "祢禰", "祷禱", "萌萠", "遥遙",
    "瑶瑤", "峰峯", "島嶋嶌", "桑桒", "渕淵渊", "富冨", "穣穰", "晋晉", "晃晄", "館舘", "鴎鷗",
    "鯵鰺", "掴摑", "填塡", "頬頰", "顛顚", "倶俱", "剥剝", "叱𠮟", "呑吞", "嘘噓", "噛嚙",
    "妍姸", "屏屛", "幷并", "撹攪", "涜瀆", "焔焰", "砺礪", "箪簞", "繋繫", "繍繡", "蒋蔣",
    "蝉蟬", "蝋蠟", "賎賤", "迩邇", "醤醬", "醗醱", "靭靱", "麹麴", "鹸鹼", "鴬鶯", "濤涛",
    "薮藪", "篭籠", "莱萊", "芦蘆", "蛎蠣", "諌諫", "高髙", "崎﨑嵜", "吉𠮷", "土𡈽", "柳栁桺",
    "橋𣘺", "梅楳", "村邨", "野埜", "喜㐂", "松枩柗", "兎兔", "船舩", "裏裡", "回囘",
    "略畧", "群羣", "隣鄰", "舗舖", "煙烟", "妊姙", "姉姊", "姫姬", "婿壻", "恥耻", "凡凢",
    "卒卆", "涼凉", "減减", "決决", "沖冲", "況况", "準凖", "凄淒", "厨廚", "厩廐廏", "呉吳",
    "唇脣", "奇竒", "宜冝", "巌巖", "庵菴", "往徃", "戸戶", "掻搔", "昂昻", "昇曻", "柏栢",
    "桝枡", "棋棊", "歳歲", "毘毗", "氷冰", "遡溯", "潅灌", "爾尓", "牆墻", "産產", "杯盃",
    "皐皋", "秋穐", "稚穉", "稿稾", "穎頴", "窓窗", "竪豎", "笋筍", "簑蓑", "糧粮", "聡聰",
    "舎舍", "蕊蘂", "虎乕", "蝿蠅", "衆眾", "讃讚", "郎郞", "鈎鉤", "鋭銳", "鎌鐮", "鑑鑒",
    "間閒", "雁鴈", "青靑", "顔顏", "飲飮", "騨驒", "鬱欝", "鼓皷", "教敎", "税稅", "説說",
    "脱脫", "悦悅", "閲閱", "清淸", "彦彥", "禄祿", "内內", "娯娛", "葱蔥", "査查", "糾糺",
    "絶絕", "没沒", "床牀", "猫貓", "狸貍", "虱蝨", "鼠鼡", "叫呌", "強强", "ケヶ", "カヵ",
    /* clang-format on */
};
enum { CLASSES = sizeof classes / sizeof *classes, PAGE = 256, PAGES = 0x30000 / PAGE, POOL = 128 };

/* Of each character that is in a class, the class's number and one. Page 0 of the pool is that of
 * all characters that are in none. */
static uint16_t pool[POOL][PAGE];
static uint8_t page_of[PAGES];
static uint32_t first_of[CLASSES];

static void fill(void) {
    uint8_t used = 1;
    for (size_t i = 0; i < CLASSES; i++) {
        const int32_t len = (int32_t)strlen(classes[i]);
        for (int32_t at = 0; at < len;) {
            const bool is_first = at == 0;
            const int32_t cp = fk_utf8_next(classes[i], &at, len);
            if (is_first)
                first_of[i] = (uint32_t)cp;
            uint8_t *page = &page_of[cp / PAGE];
            if (*page == 0 && used < POOL) /* the table's test counts them */
                *page = used++;
            if (*page)
                pool[*page][cp % PAGE] = (uint16_t)(i + 1);
        }
    }
}

/* The number of its class and one; 0 for none. */
static uint16_t class_number(uint32_t cp) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (cp < 0x2e80 || cp >= PAGES * PAGE)
        return 0;
    (void)pthread_once(&once, fill);
    return pool[page_of[cp / PAGE]][cp % PAGE];
}

const char *fk_variants_class(uint32_t cp) {
    const uint16_t class = class_number(cp);
    return class ? classes[class - 1] : NULL;
}

uint32_t fk_variants_representative(uint32_t cp) {
    const uint16_t class = class_number(cp);
    return class ? first_of[class - 1] : cp;
}

size_t fk_variants_classes(const char *const **out) {
    *out = classes;
    return CLASSES;
}

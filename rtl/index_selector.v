// An index selector (paper V-B): pairs live coefficient rows with segments of inputs that are not all
// zero. A tile is scanned as *words* of ROWS coefficient rows, one word per cycle; its last word may
// have fewer. Rows that are left wait in a window of WORDS words, which the lines take jobs from.
//
// A row has a bit of the index, set where a filter of the stream has a code in it, and for each of the
// SEGMENTS output rows of the tile a flag, set where the inputs that it meets are all zero. A job is
// bit `segment * ROWS + row` of a word.
//
// All jobs of the window are offered at once, the oldest word lowest, and any number may be taken per
// cycle. A line that takes the lowest of its own has them in order. The scan stands still while no
// place of the window is free: if all jobs are taken as they come, it never does.
module index_selector #(
    parameter ROWS = 16,
    parameter SEGMENTS = 1,
    parameter WORDS = 16,
    parameter NUMBER = 10,       // bits of a word's number in its tile
    parameter SKIP_WEIGHTS = 1,  // leave out dead rows
    parameter SKIP_INPUTS = 1    // leave out segments without an input
) (
    input  wire                           clk,
    input  wire                           reset,
    // The next word.
    input  wire                           scan,
    output wire                           ready,
    input  wire                           last,      // of its tile
    input  wire [ROWS-1:0]                rows,      // those that the filter has
    input  wire [ROWS-1:0]                index,
    input  wire [SEGMENTS-1:0]            segments,  // those that the tile has
    input  wire [SEGMENTS*ROWS-1:0]       zero,
    // The window.
    output wire [WORDS*SEGMENTS*ROWS-1:0] jobs,
    output wire [WORDS*NUMBER-1:0]        numbers,
    output wire [WORDS-1:0]               closes,    // words that are the last of their tile
    input  wire [WORDS*SEGMENTS*ROWS-1:0] taken,
    output wire                           done       // nothing is left of the tile after this cycle
);
    localparam FLAGS = SEGMENTS * ROWS;

    reg [WORDS-1:0]        filled, closing;  // places in use; those that end their tile
    reg [WORDS*FLAGS-1:0]  waiting;
    reg [WORDS*NUMBER-1:0] number;
    reg [NUMBER-1:0]       count;

    // What is left of the word that is scanned. One without a job takes no place, unless it ends its
    // tile, which has to be told in its turn.
    wire [ROWS-1:0]  alive = rows & (SKIP_WEIGHTS != 0 ? index : {ROWS{1'b1}});
    wire [FLAGS-1:0] chosen;
    genvar s, w;
    generate
        for (s = 0; s < SEGMENTS; s = s + 1) begin : segment
            assign chosen[ROWS*s +: ROWS] = !segments[s] ? {ROWS{1'b0}}
                : SKIP_INPUTS != 0 ? alive & ~zero[ROWS*s +: ROWS] : alive;
        end
    endgenerate
    wire enters = scan && ready && (last || chosen != 0);

    // The oldest word leaves when nothing is left of it, and the others move up.
    wire [WORDS*FLAGS-1:0] left = waiting & ~taken;
    wire leaves = filled[0] && left[0 +: FLAGS] == 0;
    wire [WORDS-1:0] kept = leaves ? filled >> 1 : filled;
    wire [WORDS-1:0] lowest = ~kept & {kept[WORDS-2:0], 1'b1};  // the first place that is free
    wire [WORDS*FLAGS-1:0]  moved = leaves ? left >> FLAGS : left;
    wire [WORDS*NUMBER-1:0] moved_number = leaves ? number >> NUMBER : number;
    wire [WORDS-1:0]        moved_closing = leaves ? closing >> 1 : closing;
    assign ready = !kept[WORDS-1];
    assign done = leaves && closes[0];
    assign jobs = waiting;
    assign numbers = number;
    assign closes = filled & closing;

    always @(posedge clk) begin
        if (reset) filled <= {WORDS{1'b0}};
        else filled <= enters ? kept | lowest : kept;
        if (reset || (scan && ready && last)) count <= {NUMBER{1'b0}};
        else if (scan && ready) count <= count + 1'b1;
    end
    generate
        for (w = 0; w < WORDS; w = w + 1) begin : place
            wire put = enters && lowest[w];
            always @(posedge clk) begin
                if (reset) waiting[FLAGS*w +: FLAGS] <= {FLAGS{1'b0}};
                else waiting[FLAGS*w +: FLAGS] <= put ? chosen : moved[FLAGS*w +: FLAGS];
                number[NUMBER*w +: NUMBER] <= put ? count : moved_number[NUMBER*w +: NUMBER];
                closing[w] <= put ? last : moved_closing[w];
            end
        end
    endgenerate
endmodule

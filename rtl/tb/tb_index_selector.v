// Tiles from a file through an index selector, word after word: when each is scanned, and when each of
// its jobs is taken.
//
//   +words=FILE   COUNT words, hexadecimal: last (1 bit), rows, index, segments, zero, the first highest
//   +takes=FILE   TAKES patterns of the window, hexadecimal, one per cycle, over and over: a job whose
//                 bit is set is taken
//   +log=FILE     "S cycle" where a word is scanned, "J cycle tile word segment row" where a job is taken,
//                 in the order of the window, "T cycle" where a tile is done
`timescale 1ns / 1ps
module tb_index_selector #(
    parameter COUNT = 1,
    parameter TAKES = 1,
    parameter ROWS = 16,
    parameter SEGMENTS = 1,
    parameter WORDS = 4,
    parameter SKIP_WEIGHTS = 1,
    parameter SKIP_INPUTS = 1,
    parameter LIMIT = 100000
);
    localparam NUMBER = 10, FLAGS = SEGMENTS * ROWS;
    localparam WORD = 1 + 2 * ROWS + SEGMENTS + FLAGS;
    reg [WORD-1:0] words [0:COUNT-1];
    reg [WORDS*FLAGS-1:0] takes [0:TAKES-1];
    reg clk = 0, reset = 1, busy = 1, enters;
    integer place = 0, cycle = 0, tiles = 0, tile, w, s, r, log;
    reg [8*256-1:0] name;
    reg [WORD-1:0] word;
    reg [WORDS*FLAGS-1:0] pattern;
    wire ready, done;
    wire [WORDS*FLAGS-1:0] jobs;
    wire [WORDS*FLAGS-1:0] taken = jobs & pattern;
    wire [WORDS*NUMBER-1:0] numbers;
    wire [WORDS-1:0] closes;
    wire scan = !reset && place < COUNT;
    index_selector #(
        .ROWS(ROWS), .SEGMENTS(SEGMENTS), .WORDS(WORDS), .NUMBER(NUMBER),
        .SKIP_WEIGHTS(SKIP_WEIGHTS), .SKIP_INPUTS(SKIP_INPUTS)
    ) selector (
        .clk(clk), .reset(reset), .scan(scan), .ready(ready), .last(word[WORD-1]),
        .rows(word[FLAGS + SEGMENTS + ROWS +: ROWS]), .index(word[FLAGS + SEGMENTS +: ROWS]),
        .segments(word[FLAGS +: SEGMENTS]), .zero(word[0 +: FLAGS]),
        .jobs(jobs), .numbers(numbers), .closes(closes), .taken(taken), .done(done)
    );

    initial begin
        if (!$value$plusargs("words=%s", name)) $finish;
        $readmemh(name, words);
        if (!$value$plusargs("takes=%s", name)) $finish;
        $readmemh(name, takes);
        if (!$value$plusargs("log=%s", name)) $finish;
        log = $fopen(name, "w");
        word = words[0];
        pattern = takes[0];
        #10 reset = 0;
        while (busy && cycle < LIMIT) begin
            #1 tile = tiles;
            for (w = 0; w < WORDS; w = w + 1) begin
                for (s = 0; s < SEGMENTS; s = s + 1)
                    for (r = 0; r < ROWS; r = r + 1)
                        if (taken[FLAGS*w + ROWS*s + r])
                            $fwrite(log, "J %0d %0d %0d %0d %0d\n", cycle, tile, numbers[NUMBER*w +: NUMBER],
                                s, r);
                if (closes[w]) tile = tile + 1;
            end
            if (scan && ready) $fwrite(log, "S %0d\n", cycle);
            if (done) begin
                $fwrite(log, "T %0d\n", cycle);
                tiles = tiles + 1;
            end
            enters = scan && ready;
            #5;  // over the edge
            if (enters) place = place + 1;
            #4 cycle = cycle + 1;
            busy = place < COUNT || selector.filled != 0;
            if (place < COUNT) word = words[place];
            pattern = takes[cycle % TAKES];
        end
        $finish;
    end
    always begin
        #3 clk = 1;
        #5 clk = 0;
        #2;
    end
endmodule

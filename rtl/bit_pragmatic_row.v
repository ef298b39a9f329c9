// One filter's row of Bit-Pragmatic: COLUMNS window columns that share the filter's weights and run
// ahead of each other by one step (MICRO'17, column synchronisation with one register).
//
// Two weight registers, the newer and the older, are read by all columns. The next weights come in
// at the end of the cycle in which no column needs the older ones any more: a column starts step i
// in the cycle after its own step i - 1 and after the last column's step i - 2.
module bit_pragmatic_row #(
    parameter COLUMNS = 8,
    parameter LANES = 16,
    parameter LEVELS = 4,  // log2 of LANES
    parameter FIRST_STAGE_BITS = 2,
    parameter SUM_BITS = 24
) (
    input  wire clk,
    input  wire reset,
    // the weights of the next step, and which columns have a window in it
    input  wire offered,
    input  wire [LANES*8-1:0] weights,
    input  wire [COLUMNS-1:0] present,
    input  wire first,  // of its windows' steps
    input  wire last,
    output wire accepted,
    // each column's next brick
    input  wire [COLUMNS*LANES*9-1:0] activations,
    output wire [COLUMNS-1:0] take,
    // columns in the last cycle of a step; and those whose sum is whole
    output wire [COLUMNS-1:0] ended,
    output reg  [COLUMNS-1:0] valid,
    output wire [COLUMNS*SUM_BITS-1:0] sums
);
    reg [LANES*8-1:0] newer, older;
    reg [COLUMNS-1:0] newer_present;
    reg newer_first, newer_last, older_first, older_last;

    wire [COLUMNS-1:0] behind;  // columns that still need the older weights after this cycle
    assign accepted = offered && behind == 0;

    always @(posedge clk) if (accepted) begin
        {older, older_first, older_last} <= {newer, newer_first, newer_last};
        {newer, newer_present, newer_first, newer_last} <= {weights, present, first, last};
    end

    genvar c;
    generate
        for (c = 0; c < COLUMNS; c = c + 1) begin : column
            // Steps whose weights are here and which the column has not ended: 0, 1 (the newer), 2 (both).
            reg [1:0] pending;
            wire working = pending != 0;
            wire on_older = pending == 2;
            // A step without a window in this column takes it no time.
            wire moved = ended[c] || pending == 0;  // not in the middle of a brick
            wire [1:0] done = pending - ended[c];
            wire [1:0] found = done == 1 && moved && !newer_present[c] ? 0 : done;
            wire [1:0] next = found + (accepted && (found != 0 || present[c]));
            assign behind[c] = found == 2;
            assign take[c] = moved && next != 0;

            always @(posedge clk) begin
                pending <= reset ? 0 : next;
                valid[c] <= !reset && ended[c] && (on_older ? older_last : newer_last);
            end

            bit_pragmatic_column #(LANES, LEVELS, FIRST_STAGE_BITS, SUM_BITS) serial (
                    .clk(clk),
                    .reset(reset),
                    .take(take[c]),
                    .activations(activations[c*LANES*9+:LANES*9]),
                    .working(working),
                    .weights(on_older ? older : newer),
                    .first(on_older ? older_first : newer_first),
                    .ended(ended[c]),
                    .sum(sums[c*SUM_BITS+:SUM_BITS])
            );
        end
    endgenerate
endmodule

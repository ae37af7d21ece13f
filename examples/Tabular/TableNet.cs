using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Examples.Tabular;

/// <summary>A network for a row of numbers and one category.</summary>
/// <param name="columns">Columns of numbers.</param>
/// <param name="regions">How many categories there are.</param>
/// <param name="regionWidth">Width of a category's vector.</param>
/// <param name="hidden">Width of the hidden layers.</param>
[Model]
public partial class TableNet(int columns, int regions, int regionWidth, int hidden)
{
    /// <summary>A vector for each region.</summary>
    [Embedding(nameof(regions), nameof(regionWidth))] public partial Embedding Region { get; }

    /// <summary>Numbers of all scales to one scale.</summary>
    [BatchNorm1d(nameof(columns))] public partial BatchNorm1d Scale { get; }

    /// <summary>The first hidden layer.</summary>
    [Linear("columns + regionWidth", nameof(hidden))] public partial Linear First { get; }

    /// <summary>Its norm.</summary>
    [BatchNorm1d(nameof(hidden))] public partial BatchNorm1d Norm { get; }

    /// <summary>In training, leaves out some of it.</summary>
    [Dropout(0.1)] public partial Dropout Dropout { get; }

    /// <summary>The second.</summary>
    [Linear(nameof(hidden), nameof(hidden))] public partial Linear Second { get; }

    /// <summary>The answer.</summary>
    [Head, Linear(nameof(hidden), 1)] public partial Linear Answer { get; }

    /// <summary>Numbers [n, columns] and regions [n] to logits [n].</summary>
    [Forward]
    private Tensor Network(Tensor numbers, Tensor region)
    {
        var x = cat([Scale.call(numbers), Region.call(region)], 1);
        x = Dropout.call(relu(Norm.call(First.call(x))));
        return Answer.call(relu(Second.call(x))).squeeze(1);
    }
}
